import { describe, expect, test } from 'bun:test'
import { exportJWK, generateKeyPair, jwtVerify, SignJWT } from 'jose'
import { authAPIKey, authBearer, authCookie, pikkuAuth, pikkuFunc, pikkuPermission, pikkuSessionlessFunc, pikkuVoidFunc, publicKey } from '#pikku'
import { signJwt, verifyJwt } from '../../unitgraph/runtime/core/jwt.ts'
import { granted } from '../../unitgraph/runtime/core/permissions.ts'
import { hmacKey, toBase64Url, toBytes } from '../../unitgraph/runtime/core/text.ts'
import { jwt } from '../../unitgraph/runtime/services/jwt.ts'
import { createSecrets } from '../../unitgraph/runtime/core/secret-service.ts'
import { serving } from './helpers.ts'

const env = { JWT_SECRET: 'jwt secret, long enough', SESSION_SECRET: 'session secret, long enough', API_KEY: 'key-123456' }
const whoami = pikkuSessionlessFunc(async (_s, _d, { session }) => ({ session: session ?? null }))
const needs = pikkuFunc(async (_s, _d, { session }) => session)
const sign = (claims: any, { secret = env.JWT_SECRET, expires = '5m', alg = 'HS256' } = {}) =>
  new SignJWT(claims).setProtectedHeader({ alg }).setExpirationTime(expires).sign(new TextEncoder().encode(secret))
/** Signed well, whatever it says. */
const signed = async (claims: object, header: object = { alg: 'HS256' }) => {
  const text = [header, claims].map((part) => toBase64Url(toBytes(JSON.stringify(part)))).join('.')
  const signature = await crypto.subtle.sign('HMAC', await hmacKey(env.JWT_SECRET), toBytes(text))
  return `${text}.${toBase64Url(new Uint8Array(signature))}`
}
const bearer = (token: string) => ({ headers: { authorization: `Bearer ${token}` } })

describe('whether a session is needed', () => {
  const auth = { middleware: [authBearer()] }
  test.each<[string, any, any, number, number]>([
    ['by the function', needs, {}, 401, 200],
    ['by its option', pikkuSessionlessFunc({ auth: true, func: async () => 1 }), {}, 401, 200],
    ['not by its option', pikkuFunc({ auth: false, func: async () => 1 }), {}, 200, 200],
    ['by the route', whoami, { auth: true }, 401, 200],
    ['a route can not take away what the function needs', needs, { auth: false }, 401, 200],
    ['not by a void function', pikkuVoidFunc(async () => undefined), {}, 204, 204],
  ])('%s', async (_name, func, options, without, withOne) => {
    const app = serving({ 'GET /': [func, auth, options] }, {}, {}, env)
    expect((await app.ask('/')).status).toBe(without)
    expect((await app.ask('/', bearer(await sign({ sub: 'u' })))).status).toBe(withOne)
  })
  test('the 401 says how, and the input is not looked at', async () => {
    const app = serving({ 'POST /': needs }, {}, {}, env)
    const { body, response } = await app.ask('/', { method: 'POST', body: 'not json', headers: { 'content-type': 'application/json' } })
    expect(body).toEqual({ error: 'A session is needed', code: 'missing-session' })
    expect(response.headers.get('www-authenticate')).toBe('Bearer')
  })
})

describe('bearer tokens', () => {
  const app = (options = {}) => serving({ 'GET /': [whoami, { middleware: [authBearer(options)] }] }, {}, {}, env)
  test('claims become the session', async () => {
    expect((await app().ask('/', bearer(await sign({ sub: 'u1', role: 'admin' })))).body.session).toMatchObject({ userId: 'u1', role: 'admin' })
    const mapped = app({ session: (claims: any) => ({ userId: `x-${claims.sub}` }) })
    expect((await mapped.ask('/', bearer(await sign({ sub: 'u1' })))).body.session).toEqual({ userId: 'x-u1' })
  })
  test('no token, no session', async () => {
    expect((await app().ask('/')).body.session).toBe(null)
    expect((await app().ask('/', { headers: { authorization: 'Basic eDp5' } })).body.session).toBe(null)
  })
  test.each<[string, () => Promise<string>, any]>([
    ['another secret', () => sign({ sub: 'u' }, { secret: 'another secret, long enough' }), {}],
    ['expired', () => sign({ sub: 'u' }, { expires: '-1m' }), {}],
    ['another audience', () => sign({ sub: 'u', aud: 'a' }), { audience: 'b' }],
    ['no algorithm', async () => `${btoa('{"alg":"none"}')}.${btoa('{"sub":"u"}')}.`, {}],
    ['another algorithm than allowed', () => sign({ sub: 'u' }, { alg: 'HS512' }), { algorithms: ['HS256'] }],
    ['not valid yet', () => sign({ sub: 'u', nbf: Date.now() / 1000 + 60 }), {}],
    ['an expiry that is no number', () => sign({ sub: 'u' }).then(async () => signed({ sub: 'u', exp: 'never' })), {}],
    ['another issuer', () => sign({ sub: 'u', iss: 'a' }), { issuer: ['b', 'c'] }],
    ['no audience', () => sign({ sub: 'u' }), { audience: 'b' }],
    ['a critical header', () => signed({ sub: 'u' }, { alg: 'HS256', crit: ['b64'], b64: false }), {}],
    ['an algorithm by a prototype\'s name', async () => `${btoa('{"alg":"constructor"}')}.${btoa('{"sub":"u"}')}.`, {}],
    ['four parts', async () => `${await sign({ sub: 'u' })}.x`, {}],
    ['a changed claim', async () => { const [h, , s] = (await sign({ sub: 'u' })).split('.'); return `${h}.${btoa('{"sub":"v"}').replace(/=/g, '')}.${s}` }, {}],
    ['rubbish', async () => 'rubbish', {}],
  ])('401: %s', async (_name, token, options) => {
    expect(await app(options).ask('/', bearer(await token()))).toMatchObject({ status: 401, body: { error: 'The token is not valid' } })
  })
})

describe('tokens that somebody else signed', async () => {
  const [ours, other] = await Promise.all([generateKeyPair('ES256'), generateKeyPair('ES256')])
  const key = await exportJWK(ours.publicKey)
  const app = serving({ 'GET /': [whoami, { middleware: [authBearer({ verify: publicKey({ ...key, alg: 'ES256' }), audience: 'shop' })] }] })
  const from = (claims: any, { privateKey } = ours) => new SignJWT(claims).setProtectedHeader({ alg: 'ES256' }).setExpirationTime('5m').sign(privateKey)
  test.each<[string, () => Promise<string>, number]>([
    ['with the key', () => from({ sub: 'u', aud: 'shop' }), 200],
    ['with another key', () => from({ sub: 'u', aud: 'shop' }, other), 401],
    ['for others', () => from({ sub: 'u', aud: 'x' }), 401],
    ['with the public key as a secret', () => sign({ sub: 'u', aud: 'shop' }, { secret: JSON.stringify(key) }), 401],
  ])('%s', async (_name, token, status) => {
    expect((await app.ask('/', bearer(await token()))).status).toBe(status)
  })
})

describe('API keys', () => {
  const one = serving({ 'GET /': [whoami, { middleware: [authAPIKey({ secretId: 'API_KEY', query: 'key' })] }] }, {}, {}, env)
  const many = serving({ 'GET /': [whoami, { middleware: [authAPIKey({ header: 'x-k', session: (key) => (key === 'k1' ? { userId: 'u1' } : undefined) })] }] }, {}, {}, env)
  test.each<[string, any, string, any, number, unknown]>([
    ['the secret', one, '/', { headers: { 'x-api-key': 'key-123456' } }, 200, {}],
    ['in the query', one, '/?key=key-123456', {}, 200, {}],
    ['none', one, '/', {}, 200, null],
    ['wrong', one, '/', { headers: { 'x-api-key': 'key-123457' } }, 401, undefined],
    ['looked up', many, '/', { headers: { 'x-k': 'k1' } }, 200, { userId: 'u1' }],
    ['not found', many, '/', { headers: { 'x-k': 'k2' } }, 401, undefined],
  ])('%s', async (_name, app, path, init, status, session) => {
    const got = await app.ask(path, init)
    expect([got.status, got.body.session]).toEqual([status, session])
  })
})

describe('cookies', () => {
  const middleware = [authCookie({ trustedOrigins: ['https://admin.test'] })]
  const app = serving({
    'POST /login': [pikkuSessionlessFunc(async (_s, _d, { setSession }) => void setSession({ userId: 'u1' })), { middleware }],
    'POST /logout': [pikkuFunc(async (_s, _d, { clearSession }) => void clearSession()), { middleware }],
    'GET /me': [needs, { middleware }],
    'POST /buy': [needs, { middleware }],
  }, {}, {}, env)
  const login = async () => (await app.ask('/login', { method: 'POST' })).response.headers.getSetCookie()
  const cookieOf = async () => ({ cookie: (await login())[0]!.split(';')[0]! })

  test('signed, for HTTP only, of this site', async () => {
    const [cookie] = await login()
    expect(cookie).toMatch(/^session=[\w.%-]+; Max-Age=604800; Path=\/; HttpOnly; Secure; SameSite=lax$/)
    expect(cookie).not.toContain('u1')
  })
  test('comes back as the session, and is not sent again for nothing', async () => {
    const { body, response } = await app.ask('/me', { headers: await cookieOf() })
    expect(body).toEqual({ userId: 'u1' })
    expect(response.headers.getSetCookie()).toEqual([])
  })
  test('ends with the session', async () => {
    const { response } = await app.ask('/logout', { method: 'POST', headers: await cookieOf() })
    expect(response.headers.getSetCookie()[0]).toContain('session=; Max-Age=0;')
  })
  test('changed by a hand: no session, and it is taken back', async () => {
    const { cookie } = await cookieOf()
    const { status, response } = await app.ask('/me', { headers: { cookie: cookie.replace('.', 'x.') } })
    expect(status).toBe(401)
    expect(response.headers.getSetCookie()[0]).toContain('Max-Age=0')
  })
  test.each<[string, Record<string, string>, number]>([
    ['another site', { 'sec-fetch-site': 'cross-site', origin: 'https://evil.test' }, 403],
    ['a sibling site', { 'sec-fetch-site': 'same-site', origin: 'https://x.shop.test' }, 403],
    ['another origin, old browser', { origin: 'https://evil.test' }, 403],
    ['no origin at all', { origin: 'null' }, 403],
    ['this origin', { 'sec-fetch-site': 'same-origin', origin: 'https://shop.test' }, 200],
    ['typed in', { 'sec-fetch-site': 'none' }, 200],
    ['a trusted one', { 'sec-fetch-site': 'cross-site', origin: 'https://admin.test' }, 200],
    ['this host behind a proxy', { origin: 'http://shop.test' }, 200],
    ['no browser', {}, 200],
  ])('a change that comes from %s', async (_name, headers, status) => {
    expect((await app.ask('/buy', { method: 'POST', headers: { ...(await cookieOf()), ...headers } })).status).toBe(status)
  })
})

describe('permissions', () => {
  const yes = () => true
  const no = () => false
  test.each<[string, any, boolean]>([
    ['none', undefined, true], ['an empty object', {}, false], ['one', yes, true], ['one that refuses', no, false],
    ['alternatives', { a: no, b: yes }, true], ['no alternative grants', { a: no, b: no }, false],
    ['a conjunction', { a: [yes, no] }, false], ['a conjunction or another', { a: [yes, no], b: [yes, yes] }, true],
    ['an array', [yes, yes], true], ['an array with a refusal', [yes, no], false], ['all of several objects', [{ a: yes }, { b: no }], false],
    ['asynchronous', { a: async () => true }, true], ['truthy is not true', { a: () => 'yes' }, false],
  ])('%s', async (_name, permissions, expected) => {
    expect(await granted(permissions, {}, {}, {})).toBe(expected)
  })
  test('see data and session; all scopes must grant; refusal is a 403', async () => {
    const owner = pikkuPermission<{ id: string }>(async (_s, { id }, { session }) => session?.userId === id)
    const admin = pikkuAuth(async (_s, session) => (session as any)?.role === 'admin')
    const books = pikkuFunc({ permissions: { owner, admin }, tags: ['t'], func: async (_s, d: { id: string }) => d.id })
    const app = serving(
      { 'GET /books/:id': [books, { middleware: [authBearer()] }] },
      { permissions: [['/books/*', pikkuAuth((_s, session) => (session as any)?.banned !== true)]] },
      { permissions: { t: [pikkuAuth((_s, session) => (session as any)?.late !== true)] } }, env,
    )
    const status = async (claims: any) => (await app.ask('/books/u1', bearer(await sign(claims)))).status
    expect(await Promise.all([
      status({ sub: 'u1' }), status({ sub: 'u2' }), status({ sub: 'u2', role: 'admin' }), status({ sub: 'u1', banned: true }), status({ sub: 'u1', late: true }),
    ])).toEqual([200, 403, 200, 403, 403])
    expect((await app.ask('/books/u1')).status).toBe(401)
  })
})

test('the service jwt signs and reads', async () => {
  const service = jwt({ secrets: createSecrets(env) })
  const token = await service.encode('5min', { sub: 'u' })
  expect(await service.decode(token)).toMatchObject({ sub: 'u' })
  await service.verify(token)
  const { payload } = await jwtVerify(token, new TextEncoder().encode(env.JWT_SECRET))
  expect([payload.sub, payload.exp! - payload.iat!]).toEqual(['u', 300])
  expect(service.encode('soon', {})).rejects.toThrow('soon is no duration')
  expect(service.decode(`${token}x`)).rejects.toThrow('The token is not valid')
  expect(service.decode(await service.encode('-1s', {}))).rejects.toThrow()
})

describe('ours and jose', () => {
  const secret = 'a key of enough length for each of the three'
  test.each(['HS256', 'HS384', 'HS512'].map((alg) => [alg] as const))('%s: both believe the same, and refuse the same', async (alg) => {
    const key = new TextEncoder().encode(secret)
    const token = await new SignJWT({ sub: 'ü🙂', deep: { list: [1, null] }, aud: ['a', 'b'], iss: 'us' }).setProtectedHeader({ alg, typ: 'JWT', kid: 'any' })
      .setIssuedAt().setExpirationTime('1m').sign(key)
    const { payload } = await jwtVerify(token, key)
    expect(await verifyJwt(token, secret)).toEqual(payload)
    const [head = '', body = '', signature = ''] = token.split('.')
    const turned = (part: string, at: number) => `${part.slice(0, at)}${part[at] === 'A' ? 'B' : 'A'}${part.slice(at + 1)}`
    const spoilt = [
      ...[0, 5, body.length - 2].map((at) => [head, turned(body, at), signature]), ...[0, 20].map((at) => [head, body, turned(signature, at)]),
      [turned(head, 3), body, signature], [head, body, ''], [head, body], ['', '', ''], [head, body, signature.slice(0, -4)],
    ].map((parts) => parts.join('.'))
    for (const one of spoilt) {
      const [mine, theirs] = await Promise.all([verifyJwt(one, secret), jwtVerify(one, key)].map((work) => work.then(() => 'believed', () => 'refused')))
      expect([one, mine]).toEqual([one, theirs as string])
      expect(mine).toBe('refused')
    }
  })
  test('what ours signs, jose believes, with the key that it names', async () => {
    const ring = JSON.stringify([{ kid: 'new', secret: `new ${secret}` }, { kid: 'old', secret }])
    const token = await signJwt({ sub: 'u' }, ring, 60)
    const { protectedHeader } = await jwtVerify(token, ({ kid }) => new TextEncoder().encode(kid === 'new' ? `new ${secret}` : secret))
    expect(protectedHeader).toEqual({ alg: 'HS256', kid: 'new' })
  })
})

describe('keys that change', () => {
  const [one, two, three] = ['the first key of them all', 'the second key of them all', 'a key of somebody else']
  const service = (text: string) => jwt({ secrets: createSecrets({ JWT_SECRET: text }) })
  const ring = (...keys: [string, string][]) => JSON.stringify(keys.map(([kid, secret]) => ({ kid, secret })))
  test('tokens of before are believed until their key is dropped', async () => {
    const before = await service(one).encode('5m', { sub: 'u' })
    const both = service(ring(['2', two], ['1', one]))
    expect(await both.decode(before)).toMatchObject({ sub: 'u' })
    const after = await both.encode('5m', { sub: 'u' })
    const last = service(ring(['2', two]))
    expect(await last.decode(after)).toMatchObject({ sub: 'u' })
    expect(last.decode(before)).rejects.toThrow('The token is not valid')
    expect(service(one).decode(after)).rejects.toThrow('The token is not valid')
  })
  test('a token is held to the key that it names', async () => {
    const forged = await new SignJWT({ sub: 'u' }).setProtectedHeader({ alg: 'HS256', kid: '2' }).setExpirationTime('5m').sign(new TextEncoder().encode(one))
    const strange = await new SignJWT({ sub: 'u' }).setProtectedHeader({ alg: 'HS256', kid: '9' }).setExpirationTime('5m').sign(new TextEncoder().encode(one))
    const both = service(ring(['2', two], ['1', one]))
    for (const token of [forged, strange]) expect(both.decode(token)).rejects.toThrow('The token is not valid')
    expect(both.decode(await service(three).encode('5m', {}))).rejects.toThrow('The token is not valid')
  })
  test('bearer tokens, too', async () => {
    const app = serving({ 'GET /': [whoami, { middleware: [authBearer()] }] }, {}, {}, { JWT_SECRET: ring(['2', two], ['1', one]) })
    expect((await app.ask('/', bearer(await sign({ sub: 'u' }, { secret: one })))).body.session.userId).toBe('u')
    expect((await app.ask('/', bearer(await sign({ sub: 'u' }, { secret: three })))).status).toBe(401)
  })
  test.each(['[]', '[{"kid":"a"}]', '[{"kid":"a","secret":""}]', '[{"secret":"without a name"}]'].map((text) => [text] as const))('a list that is none: %s', async (text) => {
    expect(service(text).encode('5m', {})).rejects.toThrow('The list of keys holds something that is none')
  })
  test('a secret that only begins like a list is one key', async () => {
    const token = await service('[no list, but long enough').encode('5m', { sub: 'u' })
    expect(await service('[no list, but long enough').decode(token)).toMatchObject({ sub: 'u' })
  })
})

test('keys of somebody else by the address of their set: RS256 and ES256, each by its name, and no HMAC with a public key', async () => {
  const pairs = await Promise.all((['RS256', 'ES256'] as const).map(async (alg) => ({ alg, ...(await generateKeyPair(alg, { extractable: true })) })))
  const keys = await Promise.all(pairs.map(async ({ alg, publicKey: key }) => ({ ...(await exportJWK(key)), alg, kid: alg, use: 'sig' })))
  const server = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: () => Response.json({ keys }) })
  const app = serving({ 'GET /': [whoami, { middleware: [authBearer({ verify: publicKey(`http://127.0.0.1:${server.port}/jwks`), issuer: 'them' })] }] }, {}, {}, env)
  const theirs = (header: { alg: string; kid: string }, key: Parameters<SignJWT['sign']>[0], iss = 'them') =>
    new SignJWT({ sub: 'u', iss }).setProtectedHeader(header).setExpirationTime('5m').sign(key)
  for (const { alg, privateKey } of pairs) {
    expect((await app.ask('/', bearer(await theirs({ alg, kid: alg }, privateKey)))).body.session.userId).toBe('u')
    expect((await app.ask('/', bearer(await theirs({ alg, kid: alg }, privateKey, 'others')))).status).toBe(401)
  }
  const stranger = await generateKeyPair('ES256')
  expect((await app.ask('/', bearer(await theirs({ alg: 'ES256', kid: 'ES256' }, stranger.privateKey)))).status).toBe(401)
  const asSecret = new TextEncoder().encode(JSON.stringify(keys[0]))
  expect((await app.ask('/', bearer(await theirs({ alg: 'HS256', kid: 'RS256' }, asSecret)))).status).toBe(401)
  await server.stop(true)
})
