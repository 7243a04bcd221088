/** What the front of `dev` does with bytes, connections and times, against real servers. Run by `bun test`. */
import { afterAll, expect, test } from 'bun:test'
import { createClock } from '../../unitgraph/rules/dev/front/clock.ts'
import { createCrashes } from '../../unitgraph/rules/dev/front/crash.ts'
import { createDesk } from '../../unitgraph/rules/dev/front/desk.ts'
import { createGate } from '../../unitgraph/rules/dev/front/gate.ts'
import { statementsOf } from '../../unitgraph/rules/dev/front/migrations.ts'
import { createStacks } from '../../unitgraph/rules/dev/front/stacks.ts'
import type { Place } from '../../unitgraph/rules/dev/front/words.ts'

let release = (): void => undefined

/** What is behind the front here: says what reached it. */
const behind = Bun.serve({
  port: 0, hostname: '127.0.0.1', idleTimeout: 0,
  websocket: {
    message: (socket: any, message: any) => {
      if (message === 'end') socket.close(4001, 'as asked')
      else socket.send(message)
    },
    open: (socket: any) => socket.send('welcome'),
  },
  fetch: async (request: Request, server: any): Promise<Response | undefined> => {
    const { pathname, search } = new URL(request.url)
    if (pathname === '/socket') {
      if (request.headers.get('x-key') !== 'right') return new Response('who are you', { status: 401 })
      const isAsked = request.headers.has('sec-websocket-protocol')
      if (server.upgrade(request, isAsked ? { headers: { 'sec-websocket-protocol': 'second' } } : {})) return undefined
      return new Response('no WebSocket', { status: 426 })
    }
    if (pathname === '/cookies') {
      const headers = new Headers({ 'x-kept': 'yes' })
      headers.append('set-cookie', 'a=1')
      headers.append('set-cookie', 'b=2')
      return new Response('two', { headers })
    }
    if (pathname === '/away') return new Response(null, { status: 302, headers: { location: 'http://elsewhere.test/' } })
    if (pathname === '/same') return new Response(null, { status: 304 })
    if (pathname === '/packed') {
      return new Response(Bun.gzipSync(new TextEncoder().encode('packed')), { headers: { 'content-encoding': 'gzip' } })
    }
    if (pathname === '/size') return Response.json({ size: (await request.arrayBuffer()).byteLength })
    if (pathname === '/events') {
      const body = new ReadableStream({
        start: (controller) => {
          controller.enqueue('data: first\n\n')
          release = () => {
            controller.enqueue('data: second\n\n')
            controller.close()
          }
        },
      })
      return new Response(body, { headers: { 'content-type': 'text/event-stream' } })
    }
    const said = Object.fromEntries(request.headers as never)
    return Response.json({ method: request.method, url: request.url, pathname, search, body: await request.text(), said })
  },
} as never) as any

const gate = createGate()
const place: Place = {
  address: `http://127.0.0.1:${behind.port}`,
  swap: async () => undefined, fire: async () => undefined, mapOf: () => undefined, end: async () => undefined,
}
const desk = createDesk({
  host: '127.0.0.1', port: 0, token: 'known', place, gate, built: Promise.resolve(), crashes: createCrashes('/nowhere'),
})
const base = `http://127.0.0.1:${desk.port}`
const ask = (path: string, init: object = {}): Promise<Response> => fetch(base + path, { redirect: 'manual', ...init } as RequestInit)

afterAll(async () => {
  await desk.stop()
  await behind.stop(true)
})

test('a request arrives as it was sent', async () => {
  const answer: any = await (await ask('//twice/%2e%41?q=a%20b&q=ü', {
    method: 'PUT', body: 'the body', headers: { 'x-own': '1', authorization: 'Bearer t' },
  })).json()
  expect(answer).toMatchObject({ method: 'PUT', body: 'the body', said: { 'x-own': '1', authorization: 'Bearer t' } })
  expect(answer.said.host).toBe(`127.0.0.1:${desk.port}`)
  // two slashes are a path, and no host
  expect(answer.pathname).toMatch(/\/twice\/%2e%41$/)
  expect(answer.search).toBe('?q=a%20b&q=%C3%BC')
})

test('a large body is passed on', async () => {
  expect(await (await ask('/size', { method: 'POST', body: new Uint8Array(5_000_000) })).json()).toEqual({ size: 5_000_000 })
})

test('an answer arrives as it was given', async () => {
  const cookies = await ask('/cookies')
  expect(cookies.headers.getSetCookie()).toEqual(['a=1', 'b=2'])
  expect(cookies.headers.get('x-kept')).toBe('yes')
  const away = await ask('/away')
  expect([away.status, away.headers.get('location')]).toEqual([302, 'http://elsewhere.test/'])
  expect((await ask('/same')).status).toBe(304)
  expect(await (await ask('/packed')).text()).toBe('packed')
  expect((await ask('/', { method: 'HEAD' })).status).toBe(200)
})

test('events come one by one', async () => {
  const reader = (await ask('/events')).body!.getReader()
  const next = async (): Promise<string> => new TextDecoder().decode((await reader.read()).value)
  expect(await next()).toBe('data: first\n\n')
  release()
  expect(await next()).toBe('data: second\n\n')
  expect((await reader.read()).done).toBe(true)
})

test('a WebSocket goes through, both ways and to its end', async () => {
  const socket = new WebSocket(`ws://127.0.0.1:${desk.port}/socket`, { headers: { 'x-key': 'right' }, protocols: ['first', 'second'] } as never)
  socket.binaryType = 'arraybuffer'
  const heard: unknown[] = []
  const ended = new Promise<CloseEvent>((resolve) => { socket.onclose = resolve })
  await new Promise<void>((resolve) => {
    socket.onmessage = ({ data }) => {
      heard.push(typeof data === 'string' ? data : [...new Uint8Array(data as ArrayBuffer)])
      if (heard.length === 1) socket.send('hello')
      if (heard.length === 2) socket.send(new Uint8Array([1, 2, 255]))
      if (heard.length === 3) resolve()
    }
  })
  expect(heard).toEqual(['welcome', 'hello', [1, 2, 255]])
  expect(socket.protocol).toBe('second')
  socket.send('end')
  const { code, reason } = await ended
  expect([code, reason]).toEqual([4001, 'as asked'])
})

test('a WebSocket hears that what it is connected to is started anew', async () => {
  const socket = new WebSocket(`ws://127.0.0.1:${desk.port}/socket`, { headers: { 'x-key': 'right' } } as never)
  await new Promise((resolve) => { socket.onmessage = resolve })
  const ended = new Promise<CloseEvent>((resolve) => { socket.onclose = resolve })
  gate.endHeld('http://elsewhere')
  gate.endHeld(place.address!)
  expect((await ended).code).toBe(1012)
})

test('a WebSocket that is refused is answered with what refused it', async () => {
  const answer = await ask('/socket', {
    headers: { connection: 'upgrade', upgrade: 'websocket', 'sec-websocket-version': '13', 'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==' },
  })
  expect([answer.status, await answer.text()]).toEqual([401, 'who are you'])
})

test('a page is for people on this machine', async () => {
  desk.show({ page: '<html data-edition="{{edition}}">', problems: ['it is broken'] })
  const browser = { accept: 'text/html' }
  const page = await ask('/cookies', { headers: browser })
  expect([page.status, await page.text()]).toEqual([500, '<html data-edition="1">'])
  expect((await ask('/cookies', { headers: { ...browser, host: 'evil.test' } })).status).toBe(200)
  expect((await ask('/cookies', { headers: browser, method: 'POST' })).status).toBe(200)
  expect((await ask('/cookies')).status).toBe(200)
  desk.show(undefined)
  expect((await ask('/cookies', { headers: browser })).status).toBe(200)
})

test('nobody passes a gate that is closed, and all do afterwards', async () => {
  const done = gate.enter('there')
  let isIdle = false
  const { promise, resolve } = Promise.withResolvers<void>()
  const closed = gate.closed(async () => {
    await gate.idle('there', 60_000)
    isIdle = true
    await promise
  })
  const waiting = ask('/cookies')
  const first = await Promise.race([waiting.then(() => 'answered'), gate.idle('nobody', 0).then(() => 'waits')])
  expect([first, isIdle]).toEqual(['waits', false])
  done()
  done()
  resolve()
  await closed
  expect((await waiting).status).toBe(200)
  expect(isIdle).toBe(true)
})

test('a stack leads to the sources, and what is no place of ours stays', () => {
  // the second segment of the second line: column 4 there is line 3, column 7 of the source
  const map = JSON.stringify({ version: 3, sources: ['src/a%20b.ts'], names: [], mappings: 'AAAA;IAEM' })
  const stacks = createStacks((file) => (file === '/out/units/a/index.js' ? map : undefined))
  expect(stacks('at f (/out/units/a/index.js:2:5)\\n')).toBe('at f (src/a b.ts:3:7)\\n')
  expect(stacks('at g (/elsewhere/index.js:2:5)')).toBe('at g (/elsewhere/index.js:2:5)')
  expect(createStacks(() => '{')('at f (/out/x.js:1:1)')).toBe('at f (/out/x.js:1:1)')
})

test('what was said of a request is shown, escaped, and nothing outside of the project', async () => {
  const crashes = createCrashes('/nowhere')
  const stack = 'Error: <b>\n    at f (../../etc/passwd:1:1)'
  const later = crashes.page('one')
  crashes.hear(JSON.stringify({ requestId: 'one', error: { name: 'Error', message: '<b>', stack } }))
  const page = (await later) ?? ''
  expect(page).toContain('&#60;b&#62;')
  expect(page).not.toContain('root:')
  crashes.hear('"error" and no JSON')
})

test('a clock calls what is due, once, and nothing that was missed', () => {
  let now = Date.UTC(2026, 0, 1, 2, 59, 59)
  const ran: string[] = []
  const tasks = ['0 3 * * *', '30 3 * * *'].map((schedule) => ({ name: schedule, schedule, unit: '', cron: schedule }))
  const clock = createClock(() => tasks, ({ name }) => void ran.push(name), () => now)
  const look = (ms: number): void => {
    now += ms
    clock.start()
  }
  look(0)
  look(1000)
  look(500)
  expect(ran).toEqual(['0 3 * * *'])
  look(1_800_000)
  expect(ran).toEqual(['0 3 * * *', '30 3 * * *'])
  clock.stop()
})

test('a migration is cut into statements, and into nothing else', () => {
  const trigger = 'CREATE TRIGGER t AFTER INSERT ON a BEGIN\n  UPDATE a SET b = 1; DELETE FROM c;\nEND'
  const text = `
-- a comment; with a semicolon
CREATE TABLE a (b TEXT DEFAULT ';', "c;d" TEXT, [e;f] TEXT); /* another; */
INSERT INTO a VALUES ('it''s; fine', "x", \`y;\`);;
${trigger};
-- the end
`
  expect(statementsOf(text).map((one) => one.replace(/^--[^\n]*\n/, ''))).toEqual([
    'CREATE TABLE a (b TEXT DEFAULT \';\', "c;d" TEXT, [e;f] TEXT)', `/* another; */\nINSERT INTO a VALUES ('it''s; fine', "x", \`y;\`)`, trigger,
  ])
  expect(statementsOf('SELECT 1')).toEqual(['SELECT 1'])
  expect(statementsOf('-- nothing')).toEqual([])
})
