import { describe, expect, test } from 'bun:test'
import { NotFoundError, pikkuFunc, pikkuSessionlessFunc } from '#pikku'
import { http } from '../../unitgraph/runtime/http/index.ts'
import { createEvents } from '../../unitgraph/runtime/http/sse.ts'
import { running, serving } from './helpers.ts'

const events = { headers: { accept: 'text/event-stream' } }
const stream = { sse: true }
const counting = pikkuSessionlessFunc(async (_s, _d, { channel }) => {
  for (const n of [1, 2]) await channel?.send({ n })
  return { done: true }
})

describe('a route of events', () => {
  test('what is sent, and then what is returned', async () => {
    const { response } = await serving({ 'GET /': [counting, stream] }).ask('/', events)
    expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8')
    expect(response.headers.get('cache-control')).toBe('no-cache, no-transform')
    expect(await response.text()).toBe('data: {"n":1}\n\ndata: {"n":2}\n\ndata: {"done":true}\n\n')
  })
  test('is plain JSON for who asks for no events', async () => {
    expect(await serving({ 'GET /': [counting, stream] }).ask('/')).toMatchObject({ status: 200, body: { done: true } })
  })
  test('with nothing returned, the last event is the last one sent', async () => {
    const app = serving({ 'GET /': [pikkuSessionlessFunc(async (_s, _d, { channel }) => void channel?.send('a\nb')), stream] })
    expect(await (await app.ask('/', events)).response.text()).toBe('data: "a\\nb"\n\n')
  })
  test.each<[string, any, string, number]>([
    ['no session', pikkuFunc(async () => 1), '/', 401],
    ['a bad name', pikkuSessionlessFunc(async () => 1), '/?__proto__=1', 400],
  ])('%s is a plain error, since no event was sent', async (_name, func, path, status) => {
    const { response } = await serving({ 'GET /': [func, stream] }).ask(path, events)
    expect([response.status, response.headers.get('content-type')]).toEqual([status, 'application/json; charset=utf-8'])
  })
  test('an error after the first event is an event', async () => {
    const app = (error: Error) => serving({ 'GET /': [pikkuSessionlessFunc(async (_s, _d, { channel }) => { await channel?.send(1); throw error }), stream] })
    expect(await (await app(new NotFoundError('gone')).ask('/', events)).response.text()).toBe('data: 1\n\nevent: error\ndata: {"error":"gone","code":"not-found","status":404}\n\n')
    const text = await (await app(new Error('private')).ask('/', events)).response.text()
    expect(text).toContain('event: error')
    expect(text).not.toContain('private')
  })
  test('a value that is no JSON ends the events with an error', async () => {
    const circular: any = {}
    circular.self = circular
    const { response } = await serving({ 'GET /': [pikkuSessionlessFunc(async () => circular), stream] }).ask('/', events)
    expect(await response.text()).toContain('event: error')
  })
  test('the first event comes before the last is made', async () => {
    const gate = Promise.withResolvers<void>()
    const app = serving({ 'GET /': [pikkuSessionlessFunc(async (_s, _d, { channel }) => { await channel?.send(1); await gate.promise; return 2 }), stream] })
    const response = await app.fetch(new Request('https://x.test/', events))
    const reader = response.body!.getReader()
    expect(new TextDecoder().decode((await reader.read()).value)).toBe('data: 1\n\n')
    gate.resolve()
    expect(new TextDecoder().decode((await reader.read()).value)).toBe('data: 2\n\n')
    expect((await reader.read()).done).toBe(true)
  })
  test('a client that goes away aborts the signal, and sending does not fail', async () => {
    const aborted = Promise.withResolvers<string>()
    const ended = Promise.withResolvers<void>()
    const app = serving({ 'GET /': [pikkuSessionlessFunc(async (_s, _d, { channel, signal }) => {
      await channel?.send(1)
      await new Promise((resolve) => signal.addEventListener('abort', resolve))
      aborted.resolve(signal.reason.name)
      await channel?.send(2)
      ended.resolve()
    }), stream] })
    const response = await app.fetch(new Request('https://x.test/', events))
    const reader = response.body!.getReader()
    await reader.read()
    await reader.cancel()
    expect(await aborted.promise).toBe('AbortError')
    await ended.promise
  })
  test('a slow client holds the function back', async () => {
    let sent = 0
    const app = serving({ 'GET /': [pikkuSessionlessFunc(async (_s, _d, { channel }) => { for (; sent < 1000; sent++) await channel?.send(sent) }), stream] })
    const response = await app.fetch(new Request('https://x.test/', events))
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect(sent).toBeLessThan(30)
    expect((await response.text()).split('\n\n').length).toBe(1001)
  })
  test('close() ends it early', async () => {
    const app = serving({ 'GET /': [pikkuSessionlessFunc(async (_s, _d, { channel }) => { await channel?.send(1); await channel?.close(); await channel?.send(2); return 3 }), stream] })
    expect(await (await app.ask('/', events)).response.text()).toBe('data: 1\n\n')
  })
})

test('a heartbeat keeps an idle stream open, and stops with it', async () => {
  const made: (() => void)[] = []
  const cleared: unknown[] = []
  const { setInterval, clearInterval } = globalThis
  Object.assign(globalThis, { setInterval: (beat: () => void) => made.push(beat), clearInterval: (id: unknown) => cleared.push(id) })
  try {
    const one = await createEvents({ services: async () => ({}) } as never)
    const body = one.open(new Headers()).text()
    made[0]?.()
    await one.end('x')
    expect(await body).toBe(': \n\ndata: "x"\n\n')
    expect(cleared).toEqual([1])
  } finally {
    Object.assign(globalThis, { setInterval, clearInterval })
  }
})

test('a unit that was built without events refuses a route of them', async () => {
  const app = running({ functions: { f: { value: counting } }, parts: [http({ routes: [{ method: 'GET', route: '/', function: 'f', sse: true }] })] })
  const { log, error } = console
  console.log = console.error = () => undefined
  try {
    expect((await app.ask('/')).status).toBe(500)
  } finally {
    Object.assign(console, { log, error })
  }
})
