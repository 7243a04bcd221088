import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { pikkuSessionlessFunc } from '#pikku'
import { remote } from '../../unitgraph/runtime/remote.ts'
import { RPC_SECRET, serving } from './helpers.ts'

const FIXTURE = `${import.meta.dir}/server.fixture.ts`

/** The URL of a process with units, started on a free port. */
const start = async (env: Record<string, string>): Promise<{ url: string; stop(): Promise<unknown> }> => {
  const child = Bun.spawn([process.execPath, FIXTURE], {
    env: { PORT: '0', HOST: '127.0.0.1', NEEDED: 'x', ALSO_NEEDED: 'y', ...env }, stdout: 'pipe',
  })
  let text = ''
  for await (const chunk of child.stdout.pipeThrough(new TextDecoderStream() as any) as AsyncIterable<string>) {
    text += chunk
    const port = /"port":(\d+)/.exec(text)?.[1]
    if (port) return { url: `http://127.0.0.1:${port}`, stop: () => (child.kill('SIGKILL'), child.exited) }
  }
  throw new Error(`not started: ${text}`)
}

const caller = (url: string | undefined, secret = RPC_SECRET, unit = 'shop-other') =>
  serving(
    { 'GET /': pikkuSessionlessFunc(async (_s, _d, { rpc }) => ({ price: await rpc.invoke('price', {}) })) }, {},
    { unit: 'shop-a', remote: remote({ price: { unit, binding: 'SHOP_SERVER' } }) },
    { UNITGRAPH_RPC_SECRET: secret, ...(url && { SHOP_SERVER: url }) },
  )

describe('a unit that runs as a server elsewhere', () => {
  let server: Awaited<ReturnType<typeof start>>
  beforeAll(async () => { server = await start({ UNITGRAPH_RPC_SECRET: RPC_SECRET }) })
  afterAll(() => server.stop())

  test('is called at the URL in the variable of its binding', async () => {
    expect((await caller(server.url).ask('/')).body).toEqual({ price: 5 })
  })
  test.each([
    ['signed with another secret', () => caller(server.url, 'another secret of 16 characters')],
    ['meant for another unit', () => caller(server.url, RPC_SECRET, 'shop-books')],
    ['whose URL is not set', () => caller(undefined)],
  ])('refuses a call %s', async (_what, made) => {
    expect((await made().ask('/')).status >= 400).toBe(true)
  })
  test('answers nothing to a call that is not signed', async () => {
    expect((await fetch(`${server.url}/__unitgraph/rpc/price`, { method: 'POST', body: '{}' })).status).toBe(401)
  })
})
