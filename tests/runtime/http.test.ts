import { describe, expect, test } from 'bun:test'
import { NotFoundError, pikkuFunc, pikkuMiddleware, pikkuSessionlessFunc, pikkuVoidFunc, cors, secureHeaders } from '#pikku'
import * as v from 'valibot'
import { z } from 'zod'
import { logged, running, serving } from './helpers.ts'

const echo = pikkuSessionlessFunc(async (_services, data) => ({ data }))
const of = (func: (data: any, wire: any) => unknown) => pikkuSessionlessFunc(async (_s, data: any, wire) => func(data, wire))

describe('routing', () => {
  const app = serving({
    'GET /books': of(() => 'list'), 'POST /books': of(() => 'create'), 'GET /books/:id': of((d) => `one ${d.id}`),
    'GET /books/featured': of(() => 'featured'), 'GET /files/*': of(() => 'file'), 'GET /users/:id{[0-9]+}': of((d) => `user ${d.id}`),
    'DELETE /books/:id': pikkuVoidFunc(async () => undefined), 'GET /caffè/:x?': of((d) => `c ${d.x}`),
  })
  test.each([
    ['GET', '/books', 200, '"list"'], ['GET', '/books/', 200, '"list"'], ['POST', '/books', 200, '"create"'],
    ['GET', '/books/7', 200, '"one 7"'], ['GET', '/books/featured', 200, '"featured"'],
    ['GET', '/%62ooks/7', 200, '"one 7"'], ['GET', '/books/a%2Fb', 200, '"one a/b"'], ['GET', '/books/100%', 400, '{"error":"The path is not valid","code":"bad-request"}'],
    ['GET', '/files/a/b', 200, '"file"'], ['GET', '/users/12', 200, '"user 12"'], ['GET', '/caff%C3%A8/y', 200, '"c y"'],
    ['GET', '/caffè', 200, '"c undefined"'], ['DELETE', '/books/7', 204, ''], ['HEAD', '/books', 200, ''],
  ])('%s %s → %d %s', async (method, path, status, text) => {
    const response = await app.fetch(new Request(`https://x.test${path}`, { method }))
    expect([response.status, await response.text()]).toEqual([status, text])
  })
  test.each([
    ['GET', '/nowhere', 404, null], ['GET', '/users/ab', 404, null], ['GET', '/Books', 404, null],
    ['PUT', '/books', 405, 'GET, POST, HEAD, OPTIONS'], ['PATCH', '/books/1', 405, 'DELETE, GET, HEAD, OPTIONS'],
    ['OPTIONS', '/books', 204, 'GET, POST, HEAD, OPTIONS'],
  ])('%s %s → %d, allow %s', async (method, path, status, allow) => {
    const { response } = await app.ask(path, { method })
    expect([response.status, response.headers.get('allow')]).toEqual([status, allow])
  })
  test('an unknown path says so as JSON, with the request id', async () => {
    const { body, response } = await app.ask('/nowhere', { headers: { 'x-request-id': 'abc-1' } })
    expect(body).toEqual({ error: 'Nothing answers GET /nowhere', code: 'not-found' })
    expect(response.headers.get('x-request-id')).toBe('abc-1')
  })
  test.each(['x\ty', 'x'.repeat(200), ''])('a request id that could break a line is replaced', async (id) => {
    const { response } = await app.ask('/books', { headers: { 'x-request-id': id } })
    expect(response.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/)
  })
})

describe('data', () => {
  const app = serving({ 'GET /q/:id': echo, 'POST /q/:id': echo, 'POST /p': echo })
  const form = (fields: Record<string, string>) => {
    const data = new FormData()
    for (const [name, value] of Object.entries(fields)) data.append(name, value)
    return data
  }
  test.each<[string, string, any, unknown]>([
    ['path and query', '/q/1?a=2&b=x', {}, { id: '1', a: '2', b: 'x' }],
    ['a list in the query', '/q/1?a=2&a=3', {}, { id: '1', a: ['2', '3'] }],
    ['path, query and body', '/q/1?a=2', { method: 'POST', json: { b: { c: [1] } } }, { id: '1', a: '2', b: { c: [1] } }],
    ['the same value twice, the typed one wins', '/q/1?a=2', { method: 'POST', json: { id: 1, a: 2 } }, { id: 1, a: 2 }],
    ['a form', '/p', { method: 'POST', body: new URLSearchParams('a=1&b=2&b=3') }, { a: '1', b: ['2', '3'] }],
    ['multipart', '/p', { method: 'POST', body: form({ a: '1' }) }, { a: '1' }],
    ['a list as body', '/p', { method: 'POST', json: [1, 2] }, [1, 2]],
    ['JSON of a vendor', '/p', { method: 'POST', body: '{"a":1}', headers: { 'content-type': 'application/vnd.x+json; charset=utf-8' } }, { a: 1 }],
    ['no body', '/p', { method: 'POST' }, {}],
    ['a key that is only a word', '/p', { method: 'POST', json: { constructor: 'Seat', prototype: 1 } }, { constructor: 'Seat', prototype: 1 }],
  ])('%s', async (_name, path, init, data) => {
    expect(await app.ask(path, init)).toMatchObject({ status: 200, body: { data } })
  })
  const json = { 'content-type': 'application/json' }
  test.each<[string, string, any, number, string]>([
    ['path and query differ', '/q/1?id=2', {}, 400, 'id is given twice, with different values'],
    ['path and body differ', '/q/1', { method: 'POST', json: { id: 2 } }, 400, 'id is given twice, with different values'],
    ['path and an object', '/q/1', { method: 'POST', json: { id: { a: 1 } } }, 400, 'id is given twice, with different values'],
    ['bad JSON', '/p', { method: 'POST', body: '{', headers: json }, 400, 'The body is not valid JSON'],
    ['__proto__', '/p', { method: 'POST', body: '{"a":{"__proto__":{"x":1}}}', headers: json }, 400, 'The name __proto__ is not allowed'],
    ['escaped __proto__', '/p', { method: 'POST', body: '{"\\u005f_proto__":{}}', headers: json }, 400, 'The name __proto__ is not allowed'],
    ['constructor.prototype', '/p', { method: 'POST', body: '{"constructor":{"prototype":{}}}', headers: json }, 400, 'The name constructor is not allowed'],
    ['__proto__ in a query', '/q/1?__proto__=x', {}, 400, 'The name __proto__ is not allowed'],
    ['too deep', '/p', { method: 'POST', body: '['.repeat(100) + ']'.repeat(100), headers: json }, 400, 'The body is nested more than 64 levels deep'],
    ['plain text', '/p', { method: 'POST', body: 'x', headers: { 'content-type': 'text/plain' } }, 415, 'The content type text/plain is not supported'],
    ['a broken form', '/p', { method: 'POST', body: 'x', headers: { 'content-type': 'multipart/form-data; boundary=y' } }, 400, 'The form could not be read'],
    ['too large', '/p', { method: 'POST', json: 'x'.repeat(1024 * 1024) }, 413, 'The body is larger than 1048576 bytes'],
  ])('%s', async (_name, path, init, status, error) => {
    expect(await app.ask(path, init)).toMatchObject({ status, body: { error } })
  })
  test('a body without a length is cut off at the limit', async () => {
    const limited = serving({ 'POST /p': [echo, { bodyLimit: 10 }] })
    const body = new ReadableStream({ pull: (controller) => controller.enqueue(new Uint8Array(8)) })
    expect((await limited.ask('/p', { method: 'POST', body, headers: json })).status).toBe(413)
  })
  test('a file arrives as a file', async () => {
    const upload = serving({ 'POST /f': of(async ({ file }) => ({ name: file.name, text: await file.text() })) })
    const body = new FormData()
    body.append('file', new File(['hello'], 'a.txt'))
    expect((await upload.ask('/f', { method: 'POST', body })).body).toEqual({ name: 'a.txt', text: 'hello' })
  })
  test('the bytes of the body are there for a signature', async () => {
    const hook = serving({ 'POST /f': of(async (data, { http }) => [data, await http.request.text(), (await http.request.bytes()).length]) })
    expect((await hook.ask('/f', { method: 'POST', body: '{ "a":1}', headers: json })).body).toEqual([{ a: 1 }, '{ "a":1}', 8])
  })
})

describe('what goes back', () => {
  test.each<[string, (data: any, wire: any) => unknown, number, string | null, string]>([
    ['an object', () => ({ a: 1 }), 200, 'application/json; charset=utf-8', '{"a":1}'],
    ['null', () => null, 200, 'application/json; charset=utf-8', 'null'],
    ['nothing', () => undefined, 204, null, ''],
    ['a text', () => 'a', 200, 'application/json; charset=utf-8', '"a"'],
    ['a bigint and a date', () => ({ b: 1n, d: new Date(0) }), 200, 'application/json; charset=utf-8', '{"b":"1","d":"1970-01-01T00:00:00.000Z"}'],
    ['HTML', (_d, { http }) => (http.response.header('content-type', 'text/html'), '<p>'), 200, 'text/html', '<p>'],
    ['bytes', () => new Uint8Array([104, 105]), 200, 'application/octet-stream', 'hi'],
    ['a stream', () => new Blob(['hi']).stream(), 200, 'application/octet-stream', 'hi'],
    ['a blob', () => new Blob(['hi'], { type: 'image/png' }), 200, 'image/png', 'hi'],
    ['a response', () => new Response('x', { status: 418, headers: { 'content-type': 'a/b' } }), 418, 'a/b', 'x'],
    ['a status', (_d, { http }) => (http.response.status(201), { id: 1 }), 201, 'application/json; charset=utf-8', '{"id":1}'],
    ['a redirect', (_d, { http }) => void http.response.redirect('/there', 303), 303, null, ''],
    ['not modified', (_d, { http }) => (http.response.status(304), { a: 1 }), 304, null, ''],
  ])('%s', async (_name, func, status, type, text) => {
    const { response } = await serving({ 'GET /': of(func) }).ask('/')
    expect([response.status, response.headers.get('content-type'), await response.text()]).toEqual([status, type, text])
  })
  test('headers and cookies go out with responses and errors', async () => {
    const set = (wire: any) => wire.http.response.header('x-a', '1').cookie('c', 'ä;', { httpOnly: true, sameSite: 'lax', maxAge: 5 }).cookie('d', null)
    const app = serving({
      'GET /r': of((_d, wire) => (set(wire), new Response('x', { headers: { 'x-b': '2' } }))),
      'GET /e': of((_d, wire) => { set(wire); throw new NotFoundError() }),
    })
    for (const path of ['/r', '/e']) {
      const { headers } = (await app.ask(path)).response
      expect(headers.get('x-a')).toBe('1')
      expect(headers.getSetCookie()).toEqual([
        'c=%C3%A4%3B; Max-Age=5; Path=/; HttpOnly; SameSite=lax', 'd=; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Path=/',
      ])
    }
  })
  test.each([['a;b', 'x', {}], ['a', 'x', { path: '/; HttpOnly' }], ['a', 'x', { domain: 'x\r\ny: z' }]])('a cookie that would add to the header is refused', async (name, value, options) => {
    const app = serving({ 'GET /': of((_d, { http }) => void http.response.cookie(name, value, options)) })
    expect((await app.ask('/')).status).toBe(500)
  })
  test.each([[null], [{ internal: 'row' }], ['text']])('a void function says nothing, whatever it returns: %p', async (value) => {
    expect(await serving({ 'GET /': pikkuVoidFunc(async () => value) }).ask('/')).toMatchObject({ status: 204, body: '' })
  })
  test('an unknown error is a 500 whose id is in the log, and nothing else is said', async () => {
    const app = serving({ 'GET /': of(() => { throw new Error('the password is x') }) }, {}, {}, { LOG_LEVEL: 'info' })
    let answer: any
    const lines = await logged(async () => { answer = await app.ask('/') })
    expect(answer.status).toBe(500)
    expect(Object.keys(answer.body)).toEqual(['error', 'code', 'id'])
    expect(JSON.stringify(answer.body)).not.toContain('password')
    const line = lines.find((one) => one.level === 'error')
    expect(line).toMatchObject({ msg: 'the password is x', requestId: answer.body.id, status: 500, unit: 'shop-unit' })
    expect(line?.error.stack).toContain('http.test')
    expect(lines.find((one) => one.msg === 'request')).toMatchObject({ method: 'GET', path: '/', status: 500, requestId: answer.body.id })
  })
  test('what can not be JSON is a 500, not a hanging request', async () => {
    const circular: any = {}
    circular.self = circular
    expect((await serving({ 'GET /': of(() => circular) }).ask('/')).status).toBe(500)
  })
})

describe('schemas', () => {
  const input = z.object({ page: z.number().int(), draft: z.boolean().optional(), tag: z.array(z.string()).optional(), n: z.array(z.number()).optional(), q: z.string().optional() })
  const app = serving({ 'GET /z': pikkuSessionlessFunc({ input, func: async (_s, data) => data }), 'POST /z': pikkuSessionlessFunc({ input, func: async (_s, data) => data }) })
  test.each([
    ['?page=2', { page: 2 }], ['?page=2&draft=true', { page: 2, draft: true }], ['?page=2&tag=a', { page: 2, tag: ['a'] }],
    ['?page=2&tag=5', { page: 2, tag: ['5'] }], ['?page=2&n=1&n=2', { page: 2, n: [1, 2] }], ['?page=2&q=12', { page: 2, q: '12' }],
    ['?page=2&tag=a&tag=b&n=3', { page: 2, tag: ['a', 'b'], n: [3] }], ['?page=1&draft=false', { page: 1, draft: false }],
  ])('texts of a query become what zod expects: %s', async (query, data) => {
    expect(await app.ask(`/z${query}`)).toMatchObject({ status: 200, body: data })
  })
  test('texts in JSON stay texts', async () => {
    expect(await app.ask('/z', { method: 'POST', json: { page: '2' } })).toMatchObject({ status: 400 })
  })
  test('all that is wrong is said, with its path', async () => {
    const { status, body } = await app.ask('/z?page=x&draft=maybe')
    expect(status).toBe(400)
    expect(body).toMatchObject({ error: 'The input is not valid', code: 'bad-request', issues: [{ path: ['page'] }, { path: ['draft'] }] })
  })
  test('valibot with transformations, and asynchronous schemas', async () => {
    const schema = v.objectAsync({ id: v.pipeAsync(v.string(), v.checkAsync(async (id) => id !== 'taken', 'is taken'), v.transform((id) => id.toUpperCase())) })
    const other = serving({ 'GET /v/:id': pikkuSessionlessFunc({ input: schema, func: async (_s, data) => data }) })
    expect((await other.ask('/v/abc')).body).toEqual({ id: 'ABC' })
    expect((await other.ask('/v/taken')).body.issues).toEqual([{ path: ['id'], message: 'is taken' }])
  })
  test('a derived schema comes with what its texts become', async () => {
    const got = serving({}, { routes: [{ method: 'GET', route: '/d', function: 'd' }, { method: 'POST', route: '/d', function: 'd' }] }, {
      functions: {
        d: {
          value: pikkuSessionlessFunc(async (_s, data: any) => ({ ...data, when: data.when instanceof Date, big: typeof data.big })),
          input: v.object({ page: v.number(), tags: v.array(v.string()), when: v.optional(v.date()), big: v.optional(v.bigint()), ok: v.optional(v.boolean()) }),
          coerce: { page: 'number', tags: 'array', when: 'date', big: 'bigint', ok: 'boolean' },
        },
      },
    })
    expect((await got.ask('/d?page=2&tags=a&when=2020-01-01&big=12&ok=1')).body).toEqual({ page: 2, tags: ['a'], when: true, big: 'bigint', ok: true })
    expect((await got.ask('/d', { method: 'POST', json: { page: 1, tags: [], when: '2020-01-01T00:00:00Z' } })).body).toMatchObject({ when: true })
    expect((await got.ask('/d?page=x&tags=a')).status).toBe(400)
  })
  test('headers and query of a route', async () => {
    const routes = { 'GET /h': [of((data, { http }) => ({ data, tenant: http.headers['x-tenant'] })), { headers: z.looseObject({ 'x-tenant': z.number() }), query: z.object({ limit: z.number().default(10) }) }] }
    const app2 = serving(routes)
    expect((await app2.ask('/h', { headers: { 'x-tenant': '5' } })).body).toEqual({ data: { limit: 10 }, tenant: 5 })
    expect((await app2.ask('/h?limit=3', { headers: { 'x-tenant': '5' } })).body.data).toEqual({ limit: 3 })
    expect((await app2.ask('/h')).body).toMatchObject({ error: 'The header is not valid' })
  })
  test('nothing is what a function without input expects', async () => {
    const none = serving({ 'GET /n': pikkuSessionlessFunc({ input: v.undefined(), func: async (_s, data) => typeof data }), 'POST /n': pikkuSessionlessFunc({ input: z.void(), func: async (_s, data) => typeof data }) })
    expect((await none.ask('/n')).body).toBe('"undefined"')
    expect((await none.ask('/n', { method: 'POST' })).body).toBe('"undefined"')
    expect((await none.ask('/n', { method: 'POST', json: { a: 1 } })).status).toBe(400)
  })
  test('a wrong output is found in development only', async () => {
    const wrong = { 'GET /o': pikkuSessionlessFunc({ output: z.object({ a: z.string() }), func: async () => ({ a: 1 }) as never }) }
    expect((await serving(wrong).ask('/o')).status).toBe(200)
    expect((await serving(wrong, {}, {}, { UNITGRAPH_ENV: 'development' }).ask('/o')).status).toBe(500)
  })
})

describe('middleware', () => {
  const named = (name: string) => pikkuMiddleware(async (_s, { http }, next) => {
    http?.response.append('x-order', name)
    return next()
  })
  test('from the outside in: all, path, groups, route, tags, function', async () => {
    const func = pikkuSessionlessFunc({ tags: ['t'], middleware: [named('function')], func: async () => 1 })
    const app = serving(
      { 'GET /api/x': [func, { middleware: [named('group')], tags: ['g'] }, { middleware: [named('route')] }] },
      { middleware: [['*', [named('path *')]], ['/api/*', [named('path')]], ['/other/*', [named('never')]]] },
      { middleware: { '*': [named('all')], t: [named('tag')], g: [named('group tag')], u: [named('never')] } },
    )
    expect((await app.ask('/api/x')).response.headers.get('x-order')).toBe('all, path *, path, group, route, group tag, tag, function')
  })
  test('may change the result, stand in for it, and catch what is thrown', async () => {
    const change = pikkuMiddleware(async (_s, _w, next) => ({ inner: await next() }))
    const instead = pikkuMiddleware(() => 'instead')
    const caught = pikkuMiddleware(async (_s, _w, next) => { try { return await next() } catch { return 'caught' } })
    const fails = of(() => { throw new Error('x') })
    const app = serving({ 'GET /a': [of(() => 1), { middleware: [change] }], 'GET /b': [fails, { middleware: [instead] }], 'GET /c': [fails, { middleware: [caught] }] })
    expect([(await app.ask('/a')).body, (await app.ask('/b')).body, (await app.ask('/c')).body]).toEqual([{ inner: 1 }, '"instead"', '"caught"'])
  })
  test('next() twice is a fault', async () => {
    const twice = pikkuMiddleware(async (_s, _w, next) => { await next(); await next() })
    expect((await serving({ 'GET /': [of(() => 1), { middleware: [twice] }] }).ask('/')).status).toBe(500)
  })
  test('CORS: preflight, simple requests, errors, strangers', async () => {
    const app = serving({ 'PUT /x': of(() => 1), 'GET /x': of(() => { throw new NotFoundError() }) }, { middleware: [['*', [cors({ origin: ['https://a.test'], credentials: true, maxAge: 60 })]]] })
    const headers = { origin: 'https://a.test', 'access-control-request-method': 'PUT', 'access-control-request-headers': 'x-y' }
    const preflight = (await app.ask('/x', { method: 'OPTIONS', headers })).response
    expect(preflight.status).toBe(204)
    expect(Object.fromEntries(preflight.headers)).toMatchObject({
      'access-control-allow-origin': 'https://a.test', 'access-control-allow-credentials': 'true', 'access-control-allow-headers': 'x-y',
      'access-control-allow-methods': 'GET, HEAD, POST, PUT, PATCH, DELETE', 'access-control-max-age': '60',
    })
    expect((await app.ask('/x', { headers })).response.headers.get('access-control-allow-origin')).toBe('https://a.test')
    expect((await app.ask('/x', { headers: { origin: 'https://b.test' } })).response.headers.get('access-control-allow-origin')).toBe(null)
    expect(() => cors({ credentials: true })).toThrow()
  })
  test('protective headers, one of them left out', async () => {
    const { headers } = (await serving({ 'GET /': [of(() => 1), { middleware: [secureHeaders({ headers: { 'x-frame-options': null } })] }] }).ask('/')).response
    expect([headers.get('x-content-type-options'), headers.get('x-frame-options')]).toEqual(['nosniff', null])
  })
})

test('health, unless a route has its path', async () => {
  const env = { UNITGRAPH_RELEASE: 'r1' }
  const app = running({ functions: {} }, env)
  for (const path of ['/health', '/__unitgraph/health']) {
    expect((await app.ask(path)).body).toEqual({ status: 'ok', project: 'shop', unit: 'shop-unit', release: 'r1' })
  }
  expect((await serving({ 'GET /health': of(() => ({ mine: true })) }).ask('/health')).body).toEqual({ mine: true })
})

test('exposed functions answer at /rpc/<name>, internal ones nowhere', async () => {
  const app = serving({ 'GET /hidden': pikkuSessionlessFunc({ internal: true, func: async () => 1 }) }, {}, {
    functions: {
      open: { value: pikkuSessionlessFunc({ expose: true, func: async (_s, data: any) => data }) },
      closed: { value: pikkuSessionlessFunc(async () => 1) },
      inner: { value: pikkuSessionlessFunc({ expose: true, internal: true, func: async () => 1 }) },
      needs: { value: pikkuFunc({ expose: true, func: async () => 1 }) },
    },
  })
  expect((await app.ask('/rpc/open', { method: 'POST', json: { a: 1 } })).body).toEqual({ a: 1 })
  const statuses = await Promise.all(['closed', 'inner', 'needs', 'nothing'].map(async (name) => (await app.ask(`/rpc/${name}`, { method: 'POST', json: {} })).status))
  expect(statuses).toEqual([404, 404, 401, 404])
  expect((await app.ask('/hidden')).status).toBe(404)
})

test('a workflow is not called like a function where nothing runs it', async () => {
  const { pikkuWorkflow } = await import('#pikku/workflow')
  let called = 0
  const app = serving({ 'POST /w': pikkuWorkflow(async () => ++called) })
  expect((await app.ask('/w', { method: 'POST', json: {} })).status).toBe(500)
  expect(called).toBe(0)
})
