/** Code that is swapped in Workers which run: in workerd, from handwritten bundles. Run by `bun test`. */
import { afterAll, expect, test } from 'bun:test'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createGate } from '../../unitgraph/rules/dev/front/gate.ts'
import { createWorkers } from '../../unitgraph/rules/dev/front/workers.ts'
import type { Version } from '../../unitgraph/rules/dev/front/words.ts'

const root = mkdtempSync('/tmp/unitgraph-workers-')
const lines: string[] = []
const gate = createGate()
const place = createWorkers(
  { place: 'workers', host: '127.0.0.1', port: 0, token: '', project: 'chat', root, data: `${root}/data` }, gate,
  (line) => void lines.push(line),
)

afterAll(async () => {
  await place.end()
  rmSync(root, { recursive: true })
})

const room = (edition: string): string => `
export default {
  fetch: (request, env) => env.ROOM.get(env.ROOM.idFromName('one')).fetch(request),
}
export class Room {
  constructor(state) { this.state = state }
  async fetch() {
    const [client, server] = Object.values(new WebSocketPair())
    this.state.acceptWebSocket(server)
    return new Response(null, { status: 101, webSocket: client })
  }
  async webSocketMessage(socket, message) {
    const count = ((await this.state.storage.get('count')) ?? 0) + 1
    await this.state.storage.put('count', count)
    socket.send(\`${edition} \${count} \${message}\`)
  }
}
`
const CONFIG = `
name = "chat-room"
main = "index.js"
compatibility_date = "2026-07-01"
compatibility_flags = ["nodejs_compat"]
[durable_objects]
bindings = [{ name = "ROOM", class_name = "Room" }]
`
const version: Version = { folder: root, env: {}, tasks: [], queues: {} }
const write = (code: string, config = CONFIG): void => {
  mkdirSync(`${root}/units/chat-room`, { recursive: true })
  writeFileSync(`${root}/units/chat-room/wrangler.toml`, config)
  writeFileSync(`${root}/units/chat-room/index.js`, code)
}

test('a WebSocket of a Durable Object outlives new code, and is answered by it', async () => {
  write(room('first'))
  await place.swap(version)
  const { address } = place
  const socket = new WebSocket(`${address!.replace('http', 'ws')}/`)
  let isClosed = false
  socket.onclose = () => { isClosed = true }
  await new Promise((resolve) => { socket.onopen = resolve })
  const ask = (text: string): Promise<unknown> =>
    new Promise((resolve) => {
      socket.onmessage = ({ data }) => resolve(data)
      socket.send(text)
    })
  expect(await ask('a')).toBe('first 1 a')
  write(room('second edition'))
  await place.swap(version)
  expect(await ask('b')).toBe('second edition 2 b')
  expect([isClosed, place.address]).toEqual([false, address])
  socket.close()
}, 60_000)

test('code that throws while it is loaded fails its own requests, until the next version', async () => {
  write('throw new Error("at its top")')
  await place.swap(version)
  expect((await fetch(`${place.address}/`)).status).toBe(500)
  write('export default { fetch: () => new Response("well again") }\nexport class Room {}')
  await place.swap(version)
  expect(await (await fetch(`${place.address}/`)).text()).toBe('well again')
}, 60_000)

test('another binding starts workerd anew, and what was kept is there', async () => {
  write(room('third'), CONFIG.replace('[durable_objects]', '[vars]\nSHOP = "x"\n[durable_objects]'))
  await place.swap(version)
  const socket = new WebSocket(`${place.address!.replace('http', 'ws')}/`)
  await new Promise((resolve) => { socket.onopen = resolve })
  const heard = new Promise((resolve) => { socket.onmessage = ({ data }) => resolve(data) })
  socket.send('c')
  expect(await heard).toBe('third 3 c')
  socket.close()
}, 60_000)
