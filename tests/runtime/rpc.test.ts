import { describe, expect, test } from 'bun:test'
import { ConflictError, NotFoundError, pikkuFunc, pikkuMiddleware, pikkuSessionlessFunc } from '#pikku'
import { digest, seal, toBytes } from '../../unitgraph/runtime/core/text.ts'
import { http } from '../../unitgraph/runtime/http/index.ts'
import { remote } from '../../unitgraph/runtime/remote.ts'
import { type Env, logged, RPC_SECRET, running, serving } from './helpers.ts'

const env = { UNITGRAPH_RPC_SECRET: RPC_SECRET }
class OutOfStock extends ConflictError {}
const session = pikkuMiddleware(async (_s, { setSession }, next) => {
  await setSession({ userId: 'u1' })
  return next()
})
const calling = (name: string, data?: unknown) => pikkuSessionlessFunc(async (_s, _d, { rpc }) => ({ got: await rpc.invoke(name, data) }))

/** A unit `shop-b` with these functions, and `shop-a` whose routes may call them. */
const pair = (functions: Record<string, unknown>, routes: Record<string, unknown>, more: Env = {}) => {
  const b = running({
    unit: 'shop-b', functions: Object.fromEntries(Object.entries(functions).map(([id, value]) => [id, { value }])),
    parts: [http({ routes: [] })],
  }, { ...env, ...more })
  const requests: Request[] = []
  const B = { fetch: (request: Request) => { requests.push(request.clone() as Request); return b.fetch(request) } }
  const table = Object.fromEntries(Object.keys(functions).map((id) => [id, { unit: 'shop-b', binding: 'B' }]))
  return { a: serving(routes, {}, { unit: 'shop-a', remote: remote(table) }, { ...env, B, ...more }), b, requests }
}

describe.each(['in process', 'across units'])('%s', (where) => {
  const start = (functions: Record<string, unknown>, routes: Record<string, unknown>) =>
    where === 'across units' ? pair(functions, routes).a
      : serving(routes, {}, { functions: Object.fromEntries(Object.entries(functions).map(([id, value]) => [id, { value }])) })

  test('data goes there and back, dates and all', async () => {
    const app = start({ f: pikkuSessionlessFunc(async (_s, d: any) => ({ ...d, isDate: d.at instanceof Date, out: new Date(0) })) }, {
      'GET /': pikkuSessionlessFunc(async (_s, _d, { rpc }) => {
        const got: any = await rpc.invoke('f', { at: new Date(5), n: 1 })
        return { ...got, outIsDate: got.out instanceof Date }
      }),
    })
    expect((await app.ask('/')).body).toMatchObject({ n: 1, isDate: true, outIsDate: true })
  })
  test('nothing is nothing', async () => {
    const app = start({ f: pikkuSessionlessFunc(async () => undefined) }, { 'GET /': pikkuSessionlessFunc(async (_s, _d, { rpc }) => ({ is: typeof (await rpc.invoke('f')) })) })
    expect((await app.ask('/')).body).toEqual({ is: 'undefined' })
  })
  test('the session goes with it, and the callee decides whether it is needed', async () => {
    const app = start({ f: pikkuFunc(async (_s, _d, { session: s }) => s.userId) }, { 'GET /in': [calling('f'), { middleware: [session] }], 'GET /out': calling('f') })
    expect((await app.ask('/in')).body).toEqual({ got: 'u1' })
    expect(await app.ask('/out')).toMatchObject({ status: 401, body: { code: 'missing-session' } })
  })
  test('a session that the callee sets is the caller\'s', async () => {
    const app = start({ login: pikkuSessionlessFunc(async (_s, _d, { setSession }) => void setSession({ userId: 'u9' })) }, {
      'GET /': pikkuSessionlessFunc(async (_s, _d, wire) => { await wire.rpc.invoke('login'); return wire.session }),
    })
    expect((await app.ask('/')).body).toEqual({ userId: 'u9' })
  })
  test('permissions are the callee\'s', async () => {
    const app = start({ f: pikkuFunc({ permissions: { no: () => false }, func: async () => 1 }) }, { 'GET /': [calling('f'), { middleware: [session] }] })
    expect((await app.ask('/')).status).toBe(403)
  })
  test('errors keep status, code, message, issues, and their class', async () => {
    const app = start({ f: pikkuSessionlessFunc(async () => { throw new OutOfStock('b1 is gone', { data: { sku: 'b1' } }) }) }, {
      'GET /': calling('f'),
      'GET /caught': pikkuSessionlessFunc(async (_s, _d, { rpc }) => {
        try { await rpc.invoke('f') } catch (error) { return [error instanceof OutOfStock, error instanceof ConflictError, error instanceof NotFoundError] }
        return []
      }),
    })
    expect(await app.ask('/')).toMatchObject({ status: 409, body: { error: 'b1 is gone', code: 'out-of-stock', data: { sku: 'b1' } } })
    expect((await app.ask('/caught')).body).toEqual([true, true, false])
  })
  test('an unknown error stays unknown', async () => {
    const app = start({ f: pikkuSessionlessFunc(async () => { throw new Error('private') }) }, { 'GET /': calling('f') })
    const { status, body } = await app.ask('/')
    expect([status, JSON.stringify(body).includes('private')]).toEqual([500, false])
  })
  test('rpc.exposed calls what is exposed only', async () => {
    const app = start({ open: pikkuSessionlessFunc({ expose: true, func: async () => 'open' }), closed: pikkuSessionlessFunc(async () => 'closed') }, {
      'GET /:name': pikkuSessionlessFunc(async (_s, { name }: any, { rpc }) => rpc.exposed(name, {})),
    })
    expect((await app.ask('/open')).body).toBe('"open"')
    expect((await app.ask('/closed')).status).toBe(404)
    expect((await app.ask('/constructor')).status).toBe(404)
  })
  test('a loop ends', async () => {
    const app = start({ f: pikkuSessionlessFunc(async (_s, _d, { rpc }) => rpc.invoke('f', {})) }, { 'GET /': calling('f') })
    expect((await app.ask('/')).status).toBe(500)
  })
  test('no such function', async () => {
    const app = start({}, { 'GET /': calling('nothing') })
    expect(await app.ask('/')).toMatchObject({ status: 404 })
  })
})

test('workflows and agents say that they are not run yet', async () => {
  const app = serving({
    'GET /w': pikkuSessionlessFunc(async (_s, _d, { rpc }) => rpc.startWorkflow('x', {})),
    'GET /a': pikkuSessionlessFunc(async (_s, _d, { rpc }) => rpc.agent.run('x', {} as never)),
    'GET /q': pikkuSessionlessFunc(async ({ queueService }) => queueService.add('x', {})),
  })
  for (const path of ['/w', '/a', '/q']) expect((await app.ask(path)).status).toBe(501)
})

test('one request, one id and one trace, in both units', async () => {
  const { a } = pair({ f: pikkuSessionlessFunc(async ({ logger }, _d, { requestId, traceId }) => { logger.info('there'); return { requestId, traceId } }) }, { 'GET /': calling('f') }, { LOG_LEVEL: 'info' })
  const traceparent = `00-${'ab'.repeat(16)}-${'cd'.repeat(8)}-01`
  let answer: any
  const lines = await logged(async () => { answer = await a.ask('/', { headers: { 'x-request-id': 'r-1', traceparent } }) })
  expect(answer.body.got).toEqual({ requestId: 'r-1', traceId: 'ab'.repeat(16) })
  expect(lines.find((line) => line.msg === 'there')).toMatchObject({ requestId: 'r-1', traceId: 'ab'.repeat(16), function: 'f' })
})

describe('calls that no unit made', () => {
  const f = pikkuFunc(async (_s, d) => d)
  const body = '{"data":{"a":1}}'
  const now = Math.floor(Date.now() / 1000)
  const ticket = async (changes: object = {}) => ({
    id: crypto.randomUUID(), unit: 'shop-b', function: 'f', body: await digest(toBytes(body)), session: { userId: 'u1' }, depth: 1, request: 'r', issued: now, expires: now + 30, ...changes,
  })
  const send = async (call: string, { text = body, name = 'f', secret = RPC_SECRET as string | null } = {}) => {
    const b = running({ unit: 'shop-b', functions: { f: { value: f } } }, { UNITGRAPH_RPC_SECRET: secret ?? undefined })
    return b.ask(`/__unitgraph/rpc/${name}`, { method: 'POST', body: text, headers: { 'content-type': 'application/json', 'x-unitgraph-call': call } })
  }
  const sealed = async (changes: object = {}, secret = RPC_SECRET, purpose = 'unitgraph-rpc-1') => seal(purpose, await ticket(changes), secret)

  test('a good one', async () => {
    expect(await send(await sealed())).toMatchObject({ status: 200, body: { data: { a: 1 } } })
  })
  test.each<[string, () => Promise<any>, number]>([
    ['unsigned', () => send(''), 401],
    ['rubbish', () => send('a.b'), 401],
    ['another secret', async () => send(await sealed({}, 'another secret, long enough')), 401],
    ['signed for a cookie', async () => send(await sealed({}, RPC_SECRET, 'unitgraph-session-1')), 401],
    ['too old', async () => send(await sealed({ issued: now - 100, expires: now - 70 })), 401],
    ['from the future', async () => send(await sealed({ issued: now + 100, expires: now + 130 })), 401],
    ['another body', async () => send(await sealed(), { text: '{"data":{"a":2}}' }), 401],
    ['another function', async () => send(await sealed(), { name: 'g' }), 401],
    ['another unit', async () => send(await sealed({ unit: 'shop-c' })), 401],
    ['a changed payload', async () => { const [payload, signature] = (await sealed()).split('.'); return send(`${payload}A.${signature}`) }, 401],
    ['no such function', async () => send(await sealed({ function: 'g' }), { name: 'g' }), 404],
    ['a unit without the secret', async () => send(await sealed(), { secret: null }), 500],
    ['a unit with a weak secret', async () => send(await sealed({}, 'short'), { secret: 'short' }), 500],
  ])('%s', async (_name, work, status) => {
    expect((await work()).status).toBe(status)
  })
  test('GET is none', async () => {
    expect((await running({ functions: { f: { value: f } } }, env).ask('/__unitgraph/rpc/f')).status).toBe(404)
  })
})

test('what a caller sends is signed, and carries no more than it must', async () => {
  const { a, requests } = pair({ f: pikkuSessionlessFunc(async () => 1) }, { 'GET /': [calling('f', { x: 1 }), { middleware: [session] }] })
  await a.ask('/', { headers: { authorization: 'Bearer of-the-client', cookie: 'a=b' } })
  const [request] = requests
  expect([request?.url, request?.method, await request?.text()]).toEqual(['https://shop-b/__unitgraph/rpc/f', 'POST', '{"data":{"x":1}}'])
  expect([...(request?.headers.keys() ?? [])].sort()).toEqual(['content-type', 'traceparent', 'x-request-id', 'x-unitgraph-call'])
})

test('a unit that calls others does not start without the secret, and says so in the log', async () => {
  const { a } = pair({ f: pikkuSessionlessFunc(async () => 1) }, { 'GET /': calling('f'), 'GET /other': pikkuSessionlessFunc(async () => 1) }, { UNITGRAPH_RPC_SECRET: undefined })
  let answer: any
  const lines = await logged(async () => { answer = await a.ask('/other') })
  expect(answer).toMatchObject({ status: 500, body: { error: 'Internal server error' } })
  expect(lines[0]).toMatchObject({ code: 'not-started', msg: expect.stringContaining('UNITGRAPH_RPC_SECRET is not set') })
})

test('the secret between units is no secret of the project', async () => {
  const app = serving({ 'GET /': pikkuSessionlessFunc(async ({ secrets, variables }) => [await secrets.hasSecret('UNITGRAPH_RPC_SECRET'), variables.get('UNITGRAPH_RPC_SECRET') ?? null]) }, {}, {}, env)
  expect((await app.ask('/')).body).toEqual([false, null])
})
