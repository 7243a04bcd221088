import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import {
  authBearer, authCookie, BadRequestError, ConflictError, pikkuFunc, pikkuMiddleware, pikkuSessionlessFunc, pikkuVoidFunc,
} from '#pikku'
import * as v from 'valibot'
import { ApiError, createClient, NoAnswerError } from '../../unitgraph/runtime/client/index.js'
import { reader } from '../../unitgraph/runtime/client/events.js'
import { fill, queryOf } from '../../unitgraph/runtime/client/address.js'
import { running, serving } from './helpers.ts'
import { http } from '../../unitgraph/runtime/http/index.ts'

const of = (func: (data: any, wire: any) => unknown) => pikkuSessionlessFunc(async (_s, data: any, wire) => func(data, wire))
const ended = async (work: () => Promise<unknown>): Promise<any> => work().then(
  (value) => { throw new Error(`It did not fail: ${JSON.stringify(value)}`) },
  (error) => error,
)
const all = async (events: AsyncIterable<unknown>): Promise<unknown[]> => {
  const found = []
  for await (const event of events) found.push(event)
  return found
}

/** A client whose calls reach units in this process, and what it sent. */
const clientOf = (app: { fetch(request: Request): Promise<Response> }, options = {}) => {
  const sent: Request[] = []
  const fetch = (url: string, init: RequestInit) => {
    const request = new Request(url, init)
    sent.push(request.clone() as Request)
    return app.fetch(request)
  }
  return { sent, client: createClient({ url: 'https://shop.test', fetch, ...options }) }
}

describe('what a call sends arrives as the function takes it', () => {
  const echo = of((data, { http }) => ({ data, query: http?.request.query(), type: http?.request.header('content-type') ?? null }))
  const typed = pikkuSessionlessFunc({
    input: v.object({ id: v.string(), since: v.pipe(v.string(), v.isoTimestamp()), n: v.optional(v.number()), tags: v.array(v.string()) }),
    func: async (_s, data) => ({ data }),
  })
  const app = serving({
    'GET /a/:id': echo, 'POST /a/:id': echo, 'PUT /a': echo, 'PATCH /a/:id': echo, 'DELETE /a/:id': echo, 'GET /t/:id': typed,
    'GET /u/:id{[0-9]+}/:part?': echo, 'GET /caffè/:x': echo, 'POST /a': echo, 'POST /file': of(async ({ file, title }) => ({ title, size: file.size, name: file.name })),
  })
  const { client } = clientOf(app)
  const at = new Date('2026-01-02T03:04:05.678Z')
  test.each<[string, () => Promise<unknown>, unknown]>([
    ['a path and a query', () => client.get('/a/:id', { id: 1, b: true, c: undefined }), { data: { id: '1', b: 'true' }, query: { b: 'true' }, type: null }],
    ['what must be escaped', () => client.get('/a/:id', { id: 'a/b?c#d %é', q: '&=+' }), { data: { id: 'a/b?c#d %é', q: '&=+' }, query: { q: '&=+' }, type: null }],
    ['a date and a list in a query', () => client.get('/t/:id', { id: 'x', since: at, tags: ['a'], n: 3 }), { data: { id: 'x', since: at.toISOString(), tags: ['a'], n: 3 } }],
    ['a body beside the path', () => client.post('/a/:id', { id: 'x', n: 1, at, big: 12345678901234567890n }), { data: { id: 'x', n: 1, at: at.toISOString(), big: '12345678901234567890' }, query: {}, type: 'application/json' }],
    ['nothing but the path', () => client.post('/a/:id', { id: 'x' }), { data: { id: 'x' }, query: {}, type: null }],
    ['an empty object', () => client.post('/a', {}), { data: {}, query: {}, type: 'application/json' }],
    ['nothing at all', () => client.post('/a'), { data: {}, query: {}, type: null }],
    ['a list', () => client.post('/a', [1, null]), { data: [1, null], query: {}, type: 'application/json' }],
    ['a text', () => client.post('/a', 'x'), { data: 'x', query: {}, type: 'application/json' }],
    ['null', () => client.put('/a', { n: null }), { data: { n: null }, query: {}, type: 'application/json' }],
    ['a flat DELETE', () => client.delete('/a/:id', { id: 'x', n: 1 }), { data: { id: 'x', n: '1' }, query: { n: '1' }, type: null }],
    ['a DELETE that a query cannot say', () => client.delete('/a/:id', { id: 'x', n: null }), { data: { id: 'x', n: null }, query: {}, type: 'application/json' }],
    ['a pattern', () => client.get('/u/:id{[0-9]+}/:part?', { id: 7, part: 'x' }), { data: { id: '7', part: 'x' }, query: {}, type: null }],
    ['a part that may be missing', () => client.get('/u/:id{[0-9]+}/:part?', { id: 7 }), { data: { id: '7' }, query: {}, type: null }],
    ['a route with letters of its own', () => client.get('/caffè/:x', { x: 'é' }), { data: { x: 'é' }, query: {}, type: null }],
    ['a file', () => client.post('/file', { title: 'x', file: new File(['12345'], 'five.txt') }), { title: 'x', size: 5, name: 'five.txt' }],
  ])('%s', async (_name, call, answer) => {
    expect(await call()).toEqual(answer)
  })
  test.each<[string, unknown]>([
    ['', 'id can\'t be "" in a path'], ['.', 'id can\'t be "." in a path'], ['..', 'id can\'t be ".." in a path'],
    [undefined as never, '/a/:id needs id'], [{} as never, "id can't be part of a URL: it is object"], [null as never, "id can't be part of a URL: it is null"],
  ])('a part that would lead elsewhere is refused: %p', async (id, message) => {
    expect((await ended(() => client.get('/a/:id', { id })))).toMatchObject({ name: 'TypeError', message })
  })
  test('a wildcard keeps its slashes, and nothing climbs out of it', () => {
    expect(fill('/files/*', { '*': 'a b/c.png', v: 1 })).toEqual({ path: '/files/a%20b/c.png', rest: { v: 1 } })
    expect(() => fill('/files/*', { '*': '../secret' })).toThrow('can\'t be ".." in a path')
    expect(queryOf({ a: [1, 2], b: 'x y' })).toBe('?a=1&a=2&b=x+y')
    expect(() => queryOf({ a: { b: 1 } })).toThrow("a can't be part of a URL: it is object")
  })
  test('the base may have a path of its own', async () => {
    const { client, sent } = clientOf(app, { url: 'https://shop.test/v1/' })
    await ended(() => client.get('/a/:id', { id: 1 }))
    expect(sent[0]?.url).toBe('https://shop.test/v1/a/1')
    expect(() => createClient()).toThrow('createClient needs a url')
    expect(() => createClient({ url: 'ftp://shop.test' })).toThrow('ftp: is not a protocol for calls')
  })
})

describe('answers', () => {
  const app = serving({
    'GET /json': of(() => ({ at: new Date(0), n: 1n, none: undefined })), 'GET /nothing': of(() => undefined), 'GET /null': of(() => null),
    'GET /bytes': of(() => new Uint8Array([1, 2, 3])), 'GET /html': of(() => new Response('<p>', { headers: { 'content-type': 'text/html' } })),
    'GET /void': pikkuVoidFunc(async () => 1), 'GET /broken': of(() => new Response('{', { headers: { 'content-type': 'application/json' } })),
    'GET /bad': of(() => { throw new BadRequestError('No', { issues: [{ path: ['a', 0], message: 'wrong' }], data: { hint: 'x' } }) }),
    'GET /conflict': of((_d, { http }) => { http.response.header('retry-after', '2'); throw new ConflictError('Taken') }),
    'GET /internal': of(() => { throw new Error('secret') }), 'POST /checked': pikkuSessionlessFunc({ input: v.object({ n: v.number() }), func: async () => 1 }),
    'GET /proxy': of(() => new Response('<h1>Bad gateway</h1>', { status: 502, headers: { 'content-type': 'text/html' } })),
  })
  const { client } = clientOf(app)
  test('values as JSON has them', async () => {
    expect(await client.get('/json')).toEqual({ at: '1970-01-01T00:00:00.000Z', n: '1' })
    expect(await client.get('/nothing')).toBe(undefined)
    expect(await client.get('/void')).toBe(undefined)
    expect(await client.get('/null')).toBe(null)
    expect(await client.get('/html')).toBe('<p>')
    expect(new Uint8Array(await (await client.get('/bytes') as Blob).arrayBuffer())).toEqual(new Uint8Array([1, 2, 3]))
    expect((await client.request('GET', '/conflict')).status).toBe(409)
  })
  test.each<[string, () => Promise<unknown>, Record<string, unknown>]>([
    ['with issues and data', () => client.get('/bad'), { status: 400, code: 'bad-request', message: 'No', issues: [{ path: ['a', 0], message: 'wrong' }], data: { hint: 'x' } }],
    ['with a time', () => client.get('/conflict'), { status: 409, code: 'conflict', message: 'Taken', issues: [], retryAfterMs: 2000 }],
    ['by a schema', () => client.post('/checked', { n: 'x' }), { status: 400, code: 'bad-request', issues: [{ path: ['n'] }] }],
    ['that says nothing', () => client.get('/internal'), { status: 500, code: 'internal', message: 'Internal server error' }],
    ['of something in between', () => client.get('/proxy'), { status: 502, code: 'status-502', message: 'The answer has the status 502' }],
    ['of a route that is not there', () => client.get('/nowhere'), { status: 404, code: 'not-found' }],
    ['of a function that is not there', () => client.rpc.invoke('nobody'), { status: 404, code: 'not-found' }],
  ])('an error %s', async (_name, call, error) => {
    const thrown = await ended(call)
    expect(thrown).toBeInstanceOf(ApiError)
    expect(thrown).toMatchObject({ name: 'ApiError', ...error })
    expect(thrown.requestId).toMatch(/^[0-9a-f-]{36}$/)
  })
  test('an answer that is no JSON although it says so', async () => {
    expect(await ended(() => client.get('/broken'))).toMatchObject({ name: 'NoAnswerError', code: 'unreadable' })
  })
})

describe('RPC', () => {
  const app = running({
    functions: {
      add: { value: pikkuSessionlessFunc({ expose: true, func: async (_s, { a, b }: any) => a + b }) },
      hidden: { value: pikkuSessionlessFunc(async () => 1) },
    },
    parts: [http({ routes: [] })],
  })
  const { client, sent } = clientOf(app)
  test('an exposed function by name', async () => {
    expect(await client.rpc.invoke('add', { a: 1, b: 2 })).toBe(3)
    expect(sent[0]?.url).toBe('https://shop.test/rpc/add')
    expect(await ended(() => client.rpc.invoke('hidden'))).toMatchObject({ status: 404 })
  })
  test.each(['../x', 'a/b', ':id', ''])('%p is no name', async (name) => {
    expect(await ended(() => client.rpc.invoke(name))).toBeInstanceOf(TypeError)
  })
})

describe('who calls', () => {
  const whoAmI = pikkuFunc(async (_s, _d, { session }) => session.userId)
  const secrets = { JWT_SECRET: 'only the tests know this secret!', SESSION_SECRET: 'and this one is for cookies only' }
  const signIn = pikkuSessionlessFunc(async ({ jwt }: any) => jwt.encode('1h', { userId: 'ada' }))
  test('a token, from a function that is asked each time', async () => {
    const { jwt } = await import('../../unitgraph/runtime/services/jwt.ts')
    const app = serving({ 'GET /me': whoAmI, 'POST /in': signIn }, { middleware: [['*', [authBearer()]]] }, { builtins: { jwt } } as never, secrets)
    let token: string | undefined
    const { client, sent } = clientOf(app, { token: () => token, headers: { 'x-from': 'test' } })
    expect(await ended(() => client.get('/me'))).toMatchObject({ status: 401, code: 'missing-session' })
    token = await client.post('/in') as string
    expect(await client.get('/me')).toBe('ada')
    expect(await client.get('/me', undefined, { headers: { authorization: `Bearer ${token}` } })).toBe('ada')
    expect(sent.every((request) => request.headers.get('x-from') === 'test')).toBe(true)
    token = 'made.up.token'
    expect(await ended(() => client.get('/me'))).toMatchObject({ status: 401, code: 'invalid-session' })
  })
  test('cookies go along where they are asked to, and a proof against forgery with what may change something', async () => {
    const app = serving({ 'GET /me': whoAmI, 'POST /me': whoAmI }, { middleware: [['*', [authCookie()]]] }, {}, secrets)
    const { client, sent } = clientOf(app, { credentials: 'include', csrf: { cookie: 'proof', header: 'x-proof' } })
    Object.assign(globalThis, { document: { cookie: 'other=1; proof=a%20b' } })
    try {
      await ended(() => client.get('/me'))
      await ended(() => client.post('/me'))
    } finally {
      delete (globalThis as any).document
    }
    expect(sent.map((request) => [request.credentials, request.headers.get('x-proof')])).toEqual([['include', null], ['include', 'a b']])
  })
})

describe('events', () => {
  let gone = Promise.withResolvers<void>()
  const app = serving({
    'GET /count/:to': [of(async ({ to }, { channel }) => {
      for (let n = 1; n < Number(to); n++) await channel?.send({ n, text: 'a\nb' })
      return { n: Number(to), last: true }
    }), { sse: true }],
    'GET /fails': [of(async (_d, { channel }) => { await channel?.send(1); throw new ConflictError('Enough') }), { sse: true }],
    'GET /refused': [pikkuFunc(async () => 1), { sse: true }],
    'GET /endless': [of(async (_d, { channel, signal }) => {
      signal.addEventListener('abort', () => gone.resolve())
      for (let n = 0; !signal.aborted; n++) await channel?.send(n)
    }), { sse: true }],
    'POST /said': [of(async ({ words }, { channel }) => { for (const word of words) await channel?.send(word) }), { sse: true }],
  })
  const { client } = clientOf(app)
  test('each as it is sent, the result last', async () => {
    expect(await all(client.events.get('/count/:to', { to: 3 }))).toEqual([{ n: 1, text: 'a\nb' }, { n: 2, text: 'a\nb' }, { n: 3, last: true }])
    expect(await client.get('/count/:to', { to: 3 })).toEqual({ n: 3, last: true })
    expect(await all(client.events.post('/said', { words: ['a', 'b'] }))).toEqual(['a', 'b'])
  })
  test('an error among them, with its status', async () => {
    const seen: unknown[] = []
    const thrown = await ended(async () => { for await (const event of client.events.get('/fails')) seen.push(event) })
    expect([seen, thrown.status, thrown.code, thrown.message]).toEqual([[1], 409, 'conflict', 'Enough'])
    expect(await ended(() => all(client.events.get('/refused')))).toMatchObject({ status: 401, code: 'missing-session' })
  })
  test('who leaves the loop lets the function know', async () => {
    for await (const n of client.events.get('/endless')) if (n === 3) break
    await gone.promise
  })
  test.each<[string, string[], unknown[]]>([
    ['in one piece', ['data: 1\n\ndata: 2\n\n'], ['message 1', 'message 2']],
    ['in pieces', ['da', 'ta: 1', '\n', '\ndata: 2\n', '\n'], ['message 1', 'message 2']],
    ['with carriage returns', ['data: 1\r\n\r', '\ndata: 2\r\rdata: 3\r', '\r\n'], ['message 1', 'message 2', 'message 3']],
    ['of several lines', ['data: a\ndata:b\ndata\n\n'], ['message a\nb\n']],
    ['of another type, with comments and fields of others', [': \n\nid: 7\nretry: 1\nevent: error\ndata: x\n\n'], ['error x']],
    ['that ends before its line', ['data: 1\n\ndata: 2'], ['message 1']],
  ])('a stream %s', (_name, pieces, expected) => {
    const read = reader()
    expect(pieces.flatMap(read).map(({ type, data }) => `${type} ${data}`)).toEqual(expected as string[])
  })
})

describe('on a network', () => {
  let asked: string[] = []
  let answers: Record<string, (count: number) => Response | Promise<Response>> = {}
  let server: any
  beforeAll(() => {
    server = Bun.serve({
      port: 0, hostname: '127.0.0.1', idleTimeout: 60,
      fetch: (request: Request) => {
        const key = `${request.method} ${new URL(request.url).pathname}`
        asked.push(key)
        return answers[key]?.(asked.filter((one) => one === key).length) ?? new Response(null, { status: 404 })
      },
    } as never)
  })
  afterAll(() => server.stop(true))
  const start = (given: typeof answers, options = {}) => {
    asked = []
    answers = given
    return createClient({ url: `http://127.0.0.1:${server.port}`, ...options })
  }
  const busy = (count: number) => (count < 3 ? new Response('busy', { status: 503 }) : Response.json(count))
  test('nothing is tried again unless it is asked for', async () => {
    const client = start({ 'GET /busy': busy })
    expect(await ended(() => client.get('/busy'))).toMatchObject({ status: 503 })
    expect(asked.length).toBe(1)
  })
  test('what may be repeated is, until it is answered', async () => {
    const client = start({ 'GET /busy': busy, 'DELETE /busy': busy }, { retries: 3 })
    expect([await client.get('/busy'), await client.delete('/busy')]).toEqual([3, 3])
  })
  test('a POST is not, unless its caller says that it may', async () => {
    const client = start({ 'POST /busy': busy }, { retries: 3 })
    expect(await ended(() => client.post('/busy'))).toMatchObject({ status: 503 })
    expect(asked.length).toBe(1)
    expect(await client.post('/busy', undefined, { idempotent: true })).toBe(3)
  })
  test('an error of the caller is not tried again', async () => {
    const client = start({ 'GET /bad': () => Response.json({ error: 'No', code: 'bad-request' }, { status: 400 }) }, { retries: 3 })
    expect(await ended(() => client.get('/bad'))).toMatchObject({ code: 'bad-request' })
    expect(asked.length).toBe(1)
  })
  test('nobody listens', async () => {
    const client = createClient({ url: 'http://127.0.0.1:1', retries: 1 })
    const thrown = await ended(() => client.get('/x'))
    expect(thrown).toBeInstanceOf(NoAnswerError)
    expect(thrown).toMatchObject({ code: 'no-answer' })
    expect(thrown.cause).toBeInstanceOf(Error)
  })
  test('an answer that takes too long, before its head and in its body', async () => {
    const never = new Promise<Response>(() => undefined)
    const stalls = () => new Response(new ReadableStream({ start: (c) => c.enqueue(new TextEncoder().encode('{"a":')) }), { headers: { 'content-type': 'application/json' } })
    const client = start({ 'GET /never': () => never, 'GET /stalls': stalls }, { timeoutMs: 300 })
    expect(await ended(() => client.get('/never'))).toMatchObject({ name: 'NoAnswerError', code: 'timeout' })
    expect(await ended(() => client.get('/stalls'))).toMatchObject({ name: 'NoAnswerError', code: 'timeout' })
  })
  test("a caller's own signal ends a call with its own reason, and a wait between two as well", async () => {
    const reached = Promise.withResolvers<void>()
    const client = start({ 'GET /never': () => { reached.resolve(); return new Promise<Response>(() => undefined) }, 'GET /later': () => new Response(null, { status: 503, headers: { 'retry-after': '3600' } }) })
    const controller = new AbortController()
    const call = ended(() => client.get('/never', undefined, { signal: controller.signal }))
    await reached.promise
    controller.abort('changed my mind')
    expect(await call).toBe('changed my mind')
    expect(await ended(() => client.get('/never', undefined, { signal: AbortSignal.abort('before') }))).toBe('before')
    const late = new AbortController()
    const waiting = ended(() => client.get('/later', undefined, { signal: late.signal, retries: 1 }))
    setTimeout(() => late.abort('tired'), 50)
    expect(await waiting).toBe('tired')
  })
  test('a stream outlives the limit for answers', async () => {
    const slow = () => new Response(new ReadableStream({
      async start(controller) {
        controller.enqueue(new TextEncoder().encode('data: 1\n\n'))
        await new Promise((resolve) => setTimeout(resolve, 1100))
        controller.enqueue(new TextEncoder().encode('data: 2\n\n'))
        controller.close()
      },
    }), { headers: { 'content-type': 'text/event-stream' } })
    const client = start({ 'GET /slow': slow }, { timeoutMs: 1000 })
    expect(await all(client.events.get('/slow'))).toEqual([1, 2])
  })
})
