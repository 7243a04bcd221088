/** Signed webhooks, both ways: what is let through, what is sent, and to whom it isn't. */
import { afterAll, describe, expect, test } from 'bun:test'
import { pikkuSessionlessFunc, signedWebhook } from '#pikku'
import { sign } from '../../unitgraph/runtime/core/webhook.ts'
import { toBytes } from '../../unitgraph/runtime/core/text.ts'
import { webhooks } from '../../unitgraph/runtime/services/webhooks.ts'
import { serving } from './helpers.ts'

const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'
const OTHER = 'whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD'
const now = () => Math.floor(Date.now() / 1000)
const hex = (bytes: ArrayBuffer) => Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, '0')).join('')
const hmac = async (secret: string, text: string) =>
  hex(await crypto.subtle.sign('HMAC', await crypto.subtle.importKey('raw', toBytes(secret), { name: 'HMAC', hash: 'SHA-256' }, false, ['sign']), toBytes(text)))

const receive = pikkuSessionlessFunc(async (_s, data) => ({ got: data }))
const env = { HOOK: SECRET, HOOK_OLD: OTHER, HUB: 'It\'s a Secret to Everybody', BAD: 'no base64 at all!' }
const hooks = serving({
  'POST /standard': [receive, { middleware: [signedWebhook({ secretId: 'HOOK', previousSecretId: 'HOOK_OLD' })] }],
  'POST /github': [receive, { middleware: [signedWebhook({ scheme: 'github', secretId: 'HUB' })] }],
  'POST /stripe': [receive, { middleware: [signedWebhook({ scheme: 'stripe', secretId: 'HUB', tolerance: '1m' })] }],
  'POST /bad': [receive, { middleware: [signedWebhook({ secretId: 'BAD' })] }],
}, {}, {}, env)
const post = async (path: string, body: string, headers: Record<string, string>) =>
  (await hooks.ask(path, { method: 'POST', body, headers: { 'content-type': 'application/json', ...headers } })).status

describe('the vectors of those who made the schemes', () => {
  test('Standard Webhooks', async () => {
    expect(await sign('msg_p5jXN8AQM9LWM0D4loKWxJek', 1614265330, toBytes('{"test": 2432232314}'), [SECRET])).toEqual({
      'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek', 'webhook-timestamp': '1614265330',
      'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
    })
  })
  test('GitHub', async () => {
    const signature = 'sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17'
    const { status } = await hooks.ask('/github', { method: 'POST', body: 'Hello, World!', headers: { 'x-hub-signature-256': signature } })
    expect(status).toBe(415)       // let through, and no JSON
  })
})

describe('Standard Webhooks', () => {
  const body = '{"type":"a","n":1}'
  const signed = (more: { at?: number; by?: string[]; text?: string } = {}) => sign('msg_1', more.at ?? now(), toBytes(more.text ?? body), more.by ?? [SECRET])
  test.each<[string, () => Promise<Record<string, string>>, number]>([
    ['signed now', () => signed(), 200],
    ['signed with the secret before', () => signed({ by: [OTHER] }), 200],
    ['one signature of several', () => signed({ by: ['whsec_AAAA', SECRET] }), 200],
    ['with a signature of another version besides', async () => { const all = await signed(); return { ...all, 'webhook-signature': `v1a,AAAA ${all['webhook-signature']}` } }, 200],
    ['four minutes ago', () => signed({ at: now() - 240 }), 200],
    ['six minutes ago', () => signed({ at: now() - 360 }), 401],
    ['in six minutes', () => signed({ at: now() + 360 }), 401],
    ['over another body', () => signed({ text: '{"type":"a","n":2}' }), 401],
    ['with a secret that nobody has', () => signed({ by: ['whsec_AAAA'] }), 401],
    ['under another id', async () => ({ ...(await signed()), 'webhook-id': 'msg_2' }), 401],
    ['with another time', async () => ({ ...(await signed()), 'webhook-timestamp': String(now() + 1) }), 401],
    ['with a time that is none', async () => ({ ...(await signed()), 'webhook-timestamp': 'now' }), 401],
    ['as another version only', async () => ({ ...(await signed()), 'webhook-signature': (await signed())['webhook-signature']!.replace('v1,', 'v2,') }), 401],
    ['with what is no base64', async () => ({ ...(await signed()), 'webhook-signature': 'v1,%%%' }), 401],
    ['not at all', async () => ({}), 401],
    ['with very many signatures, the good one last', async () => { const all = await signed(); return { ...all, 'webhook-signature': `${'v1,AAAA '.repeat(50)}${all['webhook-signature']}` } }, 401],
  ])('%s', async (_name, headers, status) => { expect(await post('/standard', body, await headers())).toBe(status) })
  test('a secret that can\'t be one is our fault, and isn\'t shown', async () => {
    const { status, body: said } = await hooks.ask('/bad', { method: 'POST', body, headers: { 'content-type': 'application/json', ...(await signed()) } })
    expect([status, said.code]).toEqual([500, 'internal'])
  })
})

describe('Stripe', () => {
  const body = '{"id":"evt_1"}'
  const header = async (at: number, secret = env.HUB, text = body) => `t=${at},v1=${await hmac(secret, `${at}.${text}`)}`
  test.each<[string, () => Promise<string>, number]>([
    ['signed now', () => header(now()), 200],
    ['with the old scheme and a second signature besides', async () => `${await header(now())},v0=abcd,v1=00ff`, 200],
    ['two minutes ago, where one is allowed', () => header(now() - 120), 401],
    ['with another secret', () => header(now(), 'x'), 401],
    ['over another body', () => header(now(), env.HUB, '{}'), 401],
    ['without a time', async () => (await header(now())).replace(/^t=\d+,/, ''), 401],
    ['with half a byte', async () => `${(await header(now())).slice(0, -1)}`, 401],
  ])('%s', async (_name, signature, status) => { expect(await post('/stripe', body, { 'stripe-signature': await signature() })).toBe(status) })
})

describe('what is sent', () => {
  const got: { headers: Headers; body: string }[] = []
  let status = 200
  const server = (globalThis as any).Bun.serve({
    port: 0, hostname: '127.0.0.1',
    fetch: async (request: Request) => {
      const body = await request.text()
      got.push({ headers: request.headers, body })
      if (status === 0) return new Promise(() => undefined)
      if (status === 200) return hooks.fetch(new Request('https://shop.test/standard', { method: 'POST', body, headers: request.headers }))
      return new Response('private words', { status, headers: { location: 'http://127.0.0.1/elsewhere' } })
    },
  })
  afterAll(() => server.stop(true))
  const address = `http://127.0.0.1:${server.port}/`
  const { send } = webhooks()
  const event = { type: 'order.paid', data: { id: 7n }, timestamp: new Date(0) }

  test('is what who receives it takes', async () => {
    expect(await send(address, event, { secret: [OTHER, SECRET], id: 'msg_7', allowPrivate: true })).toEqual({ id: 'msg_7', status: 200 })
    const { headers, body } = got.at(-1)!
    expect([headers.get('webhook-id'), headers.get('webhook-signature')?.split(' ').length]).toEqual(['msg_7', 2])
    expect(JSON.parse(body)).toEqual({ type: 'order.paid', timestamp: '1970-01-01T00:00:00.000Z', data: { id: '7' } })
  })
  test.each([[500, 'BadGatewayError'], [404, 'BadGatewayError'], [302, 'BadGatewayError'], [410, 'GoneError'], [0, 'GatewayTimeoutError']])(
    'that isn\'t taken is an error: %d', async (answer, name) => {
      status = answer
      const before = got.length
      const failed = await send(address, event, { secret: SECRET, allowPrivate: true, timeout: answer === 0 ? 50 : '10s' }).catch((error: unknown) => error) as Error
      status = 200
      expect([failed.name, failed.message.includes('private'), got.length - before]).toEqual([name, false, 1])
    })
  test('that nobody receives is an error', async () => {
    await expect(send('http://127.0.0.1:1/', event, { secret: SECRET, allowPrivate: true })).rejects.toMatchObject({ name: 'BadGatewayError' })
  })
  test.each([
    'http://example.com/', 'https://localhost/', 'https://127.0.0.1/', 'https://127.1/', 'https://2130706433/', 'https://0x7f.1/', 'https://10.1.2.3/', 'https://172.20.0.1/',
    'https://192.168.1.1/', 'https://169.254.169.254/latest/meta-data', 'https://[::1]/', 'https://[fd00::1]/', 'https://[fe80::1]/',
    'https://[::ffff:127.0.0.1]/', 'https://printer.local/', 'https://metadata.google.internal/', 'https://a.localhost/',
    'https://user:word@example.com/', 'ftp://example.com/', 'file:///etc/passwd', 'not an address',
  ])('nothing goes to %s', async (private_) => {
    await expect(send(private_, event, { secret: SECRET })).rejects.toMatchObject({ name: 'BadRequestError' })
  })
  test('a secret that can\'t be one sends nothing', async () => {
    const before = got.length
    await expect(send(address, event, { secret: '%%%', allowPrivate: true })).rejects.toMatchObject({ name: 'InternalServerError' })
    expect(got.length).toBe(before)
  })
})
