import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test'
import { ApiError, createClient, NoAnswerError } from '../../unitgraph/runtime/client/index.js'
import { frameOf, readFrame } from '../../unitgraph/runtime/client/frames.js'

interface Peer {
  readonly data: { url: string; protocol: string | null }
  send(frame: string | Uint8Array): void
  close(code?: number, reason?: string): void
  terminate(): void
}

/** What a test's server does: told of each opening and each frame. */
let opened: (peer: Peer) => void
let heard: (peer: Peer, frame: string) => void
let refuses = false
let server: any
const peers: Peer[] = []
const closes: [number, string][] = []
const channels: { close(): void }[] = []

beforeAll(() => {
  server = Bun.serve({
    port: 0, hostname: '127.0.0.1',
    fetch: (request: Request, serving: any) => {
      const protocol = request.headers.get('sec-websocket-protocol')
      const chosen = protocol && { headers: { 'sec-websocket-protocol': protocol.split(',')[0] ?? '' } }
      if (!refuses && serving.upgrade(request, { data: { url: request.url, protocol }, ...chosen })) return undefined
      return new Response('no', { status: 503 })
    },
    websocket: {
      open: (peer: Peer) => { peers.push(peer); opened(peer) },
      message: (peer: Peer, frame: string) => heard(peer, frame),
      close: (_peer: Peer, code: number, reason: string) => void closes.push([code, reason]),
    },
  } as never)
})
afterAll(() => server.stop(true))
afterEach(() => {
  for (const channel of channels.splice(0)) channel.close()
  peers.length = closes.length = 0
  refuses = false
})

const answering = (peer: Peer, frame: string): void => {
  if (frame === 'ping') return peer.send('pong')
  const { $id, action, ...data } = JSON.parse(frame)
  if (action === 'fail') peer.send(JSON.stringify({ $id, error: 'No', code: 'bad-request', status: 400, issues: [{ path: ['n'], message: 'wrong' }] }))
  else if (action === 'bytes') peer.send(JSON.stringify({ $id, base64url: '_-8' }))
  else if (action !== 'silent') peer.send(JSON.stringify($id === undefined ? { action, ...data } : { $id, data: { action, data } }))
}

const open = (options = {}, client = {}, data = {}, route = '/shelf') => {
  opened ??= () => undefined
  heard ??= answering
  const made = createClient({ url: `http://127.0.0.1:${server.port}`, ...client })
  const channel = made.channel(route, data, { firstMs: 20, pingMs: 0, ...options })
  channels.push(channel)
  return channel
}
const start = (does: { opened?: typeof opened; heard?: typeof heard } = {}) => {
  opened = does.opened ?? (() => undefined)
  heard = does.heard ?? answering
}
const next = (channel: any, name: string): Promise<any> => new Promise((resolve) => { const stop = channel.on(name, (event: unknown) => { stop(); resolve(event) }) })
const ended = async (work: Promise<unknown>): Promise<any> => work.then((value) => { throw new Error(`It did not fail: ${JSON.stringify(value)}`) }, (error) => error)

describe('frames', () => {
  test.each<[unknown, object, unknown]>([
    [{ isbn: '1' }, { property: 'action', value: 'watch' }, { action: 'watch', isbn: '1' }],
    [{ isbn: '1' }, { property: 'action', value: 'watch', id: 7 }, { action: 'watch', $id: 7, isbn: '1' }],
    [undefined, { property: 'action', value: 'watch' }, { action: 'watch' }],
    ['a text', {}, 'a text'], [[1, 2n], {}, [1, '2']], [{ at: new Date(0) }, { id: 1 }, { $id: 1, at: '1970-01-01T00:00:00.000Z' }],
  ])('%p meant as %p', (data, meant, frame) => {
    expect(JSON.parse(frameOf(data, meant))).toEqual(frame)
  })
  test.each<[unknown, object, string]>([
    [{ action: 'x' }, { property: 'action', value: 'watch' }, 'action is not a name for data here'],
    [{ $id: 1 }, { id: 2 }, '$id is not a name for data here'], [[1], { property: 'a', value: 'b' }, 'is an object'], ['x', { id: 1 }, 'is an object'],
  ])('%p meant as %p is refused', (data, meant, message) => {
    expect(() => frameOf(data, meant)).toThrow(message)
  })
  test('what comes', () => {
    expect(readFrame('pong')).toBe(undefined)
    expect(readFrame('{"a":1}')).toEqual({ kind: 'message', data: { a: 1 } })
    expect(readFrame('[1]')).toEqual({ kind: 'message', data: [1] })
    expect(readFrame('{"$id":3,"data":null}')).toEqual({ kind: 'answer', id: 3, data: null })
    expect(readFrame('{"$id":3,"error":"No","code":"conflict","status":409}')).toMatchObject({ kind: 'failure', id: 3, error: { status: 409, code: 'conflict' } })
  })
})

describe('a connection', () => {
  test('opens where it should, with who opens it', async () => {
    start()
    const channel = open({}, { token: () => 'a.b-c_d' }, { room: 'a b', since: new Date(0), tags: ['x', 'y'] }, '/rooms/:room')
    await next(channel, 'open')
    expect(channel.state).toBe('open')
    expect(peers[0]?.data.protocol).toBe('bearer, a.b-c_d')
    const url = new URL(peers[0]?.data.url ?? '')
    expect([url.pathname, url.search]).toEqual(['/rooms/a%20b', '?since=1970-01-01T00%3A00%3A00.000Z&tags=x&tags=y'])
  })
  test('answers are for who asked, whatever their order', async () => {
    const held: string[] = []
    start({ heard: (peer, frame) => {
      held.push(frame)
      if (held.length === 3) for (const one of held.reverse()) answering(peer, one)
    } })
    const channel = open()
    const all = await Promise.all([1, 2, 3].map((n) => channel.call('action', 'watch', { n })))
    expect(all).toEqual([1, 2, 3].map((n) => ({ action: 'watch', data: { n } })))
  })
  test('a refusal is an error with what is wrong', async () => {
    start()
    const error = await ended(open().call('action', 'fail', {}))
    expect(error).toBeInstanceOf(ApiError)
    expect(error).toMatchObject({ status: 400, code: 'bad-request', issues: [{ path: ['n'] }] })
  })
  test('bytes, and messages for the one that takes all', async () => {
    start()
    const channel = open()
    const bytes = await channel.call('action', 'bytes', {}) as Blob
    expect(new Uint8Array(await bytes.arrayBuffer())).toEqual(new Uint8Array([255, 239]))
    expect(await channel.callMessage({ n: 1 })).toEqual({ data: { n: 1 } })
  })
  test('what is sent before it is open goes out in its order; what comes is told to who listens', async () => {
    start()
    const channel = open()
    for (const n of [1, 2, 3]) channel.send('action', 'watch', { n })
    const seen: unknown[] = []
    for await (const message of channel.messages()) if (seen.push(message) === 3) break
    expect(seen).toEqual([1, 2, 3].map((n) => ({ action: 'watch', n })))
  })
  test('a refusal that nobody waits for is an event', async () => {
    start({ opened: (peer) => peer.send('{"action":"watch","error":"No","code":"forbidden","status":403}') })
    expect(await next(open(), 'error')).toMatchObject({ status: 403, code: 'forbidden' })
  })
  test('what is no JSON is an event, not an end', async () => {
    start({ opened: (peer) => { peer.send('{'); peer.send('{"a":1}') } })
    const channel = open()
    const [error, message] = await Promise.all([next(channel, 'error'), next(channel, 'message')])
    expect([error.code, message]).toEqual(['unreadable', { a: 1 }])
  })
  test('too many messages that wait, and a limit for answers', async () => {
    start()
    const channel = open({ mostWaiting: 2 })
    channel.send('action', 'watch')
    channel.send('action', 'watch')
    expect(() => channel.send('action', 'watch')).toThrow('More than 2 messages wait')
    await next(channel, 'open')
    expect(await ended(channel.call('action', 'silent', {}, { timeoutMs: 50 }))).toMatchObject({ name: 'NoAnswerError', code: 'timeout' })
    const controller = new AbortController()
    const asked = ended(channel.call('action', 'silent', {}, { signal: controller.signal }))
    controller.abort('changed my mind')
    expect(await asked).toBe('changed my mind')
  })
  test('closed here', async () => {
    start()
    const channel = open()
    await next(channel, 'open')
    const asked = ended(channel.call('action', 'silent', {}))
    const closed = next(channel, 'close')
    channel.close(4000, 'enough')
    expect(await closed).toMatchObject({ code: 4000, reason: 'enough' })
    expect(await asked).toBeInstanceOf(NoAnswerError)
    expect(() => channel.send('action', 'watch')).toThrow('The channel is closed')
    expect(channel.state).toBe('closed')
  })
})

describe('a connection that breaks', () => {
  test.each<[number, string]>([[1000, 'done'], [1008, 'More than 256 messages wait'], [1009, 'too big'], [4001, 'signed out']])('closed there with %d, it stays closed', async (code, reason) => {
    start({ opened: (peer) => peer.close(code, reason) })
    const channel = open()
    expect(await next(channel, 'close')).toMatchObject({ code, reason })
    expect(peers.length).toBe(1)
  })
  test.each<[string, (peer: Peer) => void]>([
    ['with 1001', (peer) => peer.close(1001)], ['with 1012', (peer) => peer.close(1012)], ['without a word', (peer) => peer.terminate()],
  ])('%s, it comes back, and says what waited', async (_name, breaks) => {
    start({ opened: (peer) => { if (peers.length === 1) breaks(peer) } })
    const channel = open()
    await next(channel, 'waiting')
    channel.send('action', 'watch', { n: 1 })
    const asked = channel.call('action', 'watch', { n: 2 })
    expect(await next(channel, 'message')).toEqual({ action: 'watch', n: 1 })
    expect(await asked).toEqual({ action: 'watch', data: { n: 2 } })
    expect(peers.length).toBe(2)
  })
  test('what was asked and not answered is told so: nobody knows whether it was done', async () => {
    start({ heard: (peer, frame) => { if (JSON.parse(frame).action === 'silent') peer.terminate(); else answering(peer, frame) } })
    const channel = open()
    expect(await ended(channel.call('action', 'silent', {}))).toMatchObject({ name: 'NoAnswerError', code: 'no-answer' })
    expect(await channel.call('action', 'watch', {})).toEqual({ action: 'watch', data: {} })
  })
  test('who is never let in gives up', async () => {
    start()
    refuses = true
    const channel = open({ attempts: 2, firstMs: 1 })
    const asked = ended(channel.call('action', 'watch', {}))
    await next(channel, 'close')
    expect(await asked).toBeInstanceOf(NoAnswerError)
  })
  test('who says nothing any more is hung up on', async () => {
    let silent = true
    start({ opened: () => undefined, heard: (peer, frame) => { if (silent) silent = false; else answering(peer, frame) } })
    const channel = open({ pingMs: 100 })
    await next(channel, 'waiting')
    await next(channel, 'open')
  })
  test('a token that can not be had ends it', async () => {
    const channel = open({}, { token: async () => { throw new Error('signed out') } })
    expect(await next(channel, 'close')).toMatchObject({ reason: 'signed out' })
  })
})
