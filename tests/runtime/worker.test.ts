/** Units as bundles, in workerd: what a bundle holds, how large it is, and that units reach each other. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Its declarations are made for another zod than the one that is tested here. */
interface Miniflare {
  readonly ready: Promise<URL>
  getWorker(name: string): Promise<{ fetch(url: string, init?: object): Promise<Response> }>
  dispose(): Promise<void>
}
const { Miniflare } = (await import(Bun.resolveSync('miniflare', process.env['WORKERS'] ?? import.meta.dir))) as { Miniflare: new (options: object) => Miniflare }

/** As bundles take it, where that is given. */
const RUNTIME = process.env['RUNTIME'] ?? join(import.meta.dir, '../../unitgraph/runtime')
const ESBUILD = process.env['ESBUILD'] ?? join(import.meta.dir, '../../node_modules/esbuild/bin/esbuild')
const NAMES = ['smallest', 'silent', 'calling'] as const
const out = mkdtempSync(join(tmpdir(), 'unitgraph-'))

interface Bundle {
  text: string
  inputs: string[]
}

/** As unitgraph bundles: its options, and the table of names. */
const bundle = async (): Promise<Record<string, Bundle>> => {
  const aliases = Object.entries((await Bun.file(join(RUNTIME, 'aliases.json')).json()) as Record<string, string>)
  const run = Bun.spawnSync([
    ESBUILD, ...NAMES.map((name) => join(import.meta.dir, 'workers', `${name}.ts`)), '--bundle', '--format=esm', '--minify', '--keep-names',
    '--target=es2022', '--log-level=warning', `--outdir=${out}`, `--metafile=${out}/meta.json`,
    ...aliases.map(([name, folder]) => `--alias:${name}=${join(RUNTIME, folder)}`),
  ])
  expect(run.exitCode, new TextDecoder().decode(run.stderr)).toBe(0)
  const { outputs } = (await Bun.file(join(out, 'meta.json')).json()) as { outputs: Record<string, { inputs: Record<string, { bytesInOutput: number }> }> }
  const inputs = (name: string) => Object.entries(Object.entries(outputs).find(([path]) => path.endsWith(`/${name}.js`))![1].inputs)
  return Object.fromEntries(await Promise.all(NAMES.map(async (name) => [name, {
    text: await Bun.file(join(out, `${name}.js`)).text(),
    inputs: inputs(name).filter(([, { bytesInOutput }]) => bytesInOutput > 0).map(([path]) => path),
  }] as const)))
}

let bundles: Record<string, Bundle>
let flare: Miniflare
let base: string
beforeAll(async () => {
  bundles = await bundle()
  const worker = (name: string, more: object = {}) => ({
    name: `shop-${name}`, modules: [{ type: 'ESModule' as const, path: 'index.js', contents: bundles[name]!.text }], compatibilityDate: '2026-07-01', ...more,
  })
  const bindings = { UNITGRAPH_RPC_SECRET: 'a secret of sufficient length', JWT_SECRET: 'jwt secret, long enough', LOG_LEVEL: 'error', PLACE: 'here' }
  flare = new Miniflare({
    workers: [
      worker('calling', { bindings, serviceBindings: { SHOP_SILENT: 'shop-silent' } }), worker('silent', { bindings }), worker('smallest', { bindings: { LOG_LEVEL: 'error' } }),
    ],
  })
  base = (await flare.ready).href
})
afterAll(async () => {
  await flare.dispose()
  rmSync(out, { recursive: true })
})

describe('bundles', () => {
  test.each([['smallest', 15_000], ['silent', 14_200]] as const)('%s is at most %d bytes', (name, most) => {
    expect(bundles[name]!.text.length).toBeLessThanOrEqual(most)
  })
  test.each([
    ['smallest', ['jose', 'hono', 'valibot', 'core/around', 'core/validate', 'core/owned', 'core/promised', 'core/secret-service', 'http/body', 'http/bytes', 'http/wire', 'http/cookies', 'http/scoped', 'http/patterns', 'http/preflight', 'runtime/queue/', 'runtime/schedule/', 'entry/events', 'core/duration', 'http/sse', 'remote.ts', 'core/rpc', 'services/jwt', 'middleware/', 'server/']],
    ['silent', ['hono', 'core/around', 'core/validate', 'core/secret-service', 'jose', 'runtime/queue/', 'runtime/schedule/', 'entry/events', 'http/index', 'http/body', 'http/wire', 'http/cookies', 'runtime/remote.ts']],
    ['calling', ['jose', 'middleware/cookie', 'middleware/api-key', 'reg-exp-router', 'server/']],
  ] as const)('%s holds nothing that it does not use', (name, parts) => {
    expect(bundles[name]!.inputs.filter((path) => parts.some((part) => path.includes(part)))).toEqual([])
  })
  test('no path of this machine, no error that is not used', () => {
    for (const { text } of Object.values(bundles)) expect(text.includes(import.meta.dir) || text.includes('runtime/core')).toBe(false)
    expect(bundles['smallest']!.text.includes('TooManyRequestsError')).toBe(false)
  })
})

describe('in workerd', () => {
  const ask = async (path: string, init: RequestInit = {}) => {
    const response = await fetch(new URL(path, base), init)
    const text = await response.text()
    return { status: response.status, body: text.startsWith('{') ? JSON.parse(text) : text, headers: response.headers }
  }
  const post = (path: string, data: unknown, headers = {}) =>
    ask(path, { method: 'POST', body: JSON.stringify(data), headers: { 'content-type': 'application/json', ...headers } })
  const signedIn = async () => ({ authorization: `Bearer ${(await post('/login', { user: 'u1' })).body.token}` })

  test('a session and a date travel to another unit and back', async () => {
    expect(await post('/orders', { sku: 'b1' }, await signedIn())).toMatchObject({
      status: 200, body: { sku: 'b1', year: 1970, by: 'u1', place: 'here', aborted: false },
    })
  })
  test('its errors too', async () => {
    expect(await post('/orders', { sku: 'gone' }, await signedIn())).toMatchObject({ status: 409, body: { error: 'That is gone', code: 'conflict' } })
    expect((await post('/orders', { sku: 'b1' })).status).toBe(401)
  })
  test('services are built once an isolate', async () => {
    const answers = await Promise.all([1, 2, 3].map(() => ask('/built')))
    expect(answers.map(({ body }) => body)).toEqual(['1', '1', '1'])
  })
  test('events', async () => {
    const { body, headers } = await ask('/count?to=3', { headers: { accept: 'text/event-stream', origin: 'https://a.test' } })
    expect(body).toBe('data: 1\n\ndata: 2\n\ndata: 3\n\n')
    expect(headers.get('access-control-allow-origin')).toBe('*')
    expect((await ask('/count?to=3')).body).toBe('3')
  })
  test('a unit without routes answers nobody but its own', async () => {
    const silent = await flare.getWorker('shop-silent')
    expect((await silent.fetch('https://x.test/')).status).toBe(404)
    expect((await silent.fetch('https://x.test/__unitgraph/rpc/createOrder', { method: 'POST', body: '{}' })).status).toBe(401)
    expect(await (await silent.fetch('https://x.test/__unitgraph/health')).json()).toEqual({ status: 'ok', project: 'shop', unit: 'shop-silent' })
  })
  test('a job that can not be run yet fails, and is not lost in silence', async () => {
    const silent = await flare.getWorker('shop-silent') as any
    expect((await silent.scheduled({ cron: '* * * * *' })).outcome).toBe('exception')
    expect((await silent.queue('q', [{ id: '1', timestamp: new Date(), attempts: 1, body: 1 }])).outcome).toBe('exception')
  })
  test('a unit that needs no secret starts without', async () => {
    const smallest = await flare.getWorker('shop-smallest')
    expect(await (await smallest.fetch('https://x.test/api/books')).json()).toEqual({ books: [] })
  })
})
