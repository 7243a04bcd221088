// The units of a build output in this process, from the generated TypeScript as it stands: no bundler, no socket, no
// server. The generated main is run for what it is, against a `Bun.serve` which only keeps the handler. Requests come as
// lines of JSON on standard input, answers go out as lines of JSON; the end of the input asks it to stop, as SIGTERM does.
// Run by Bun: bun in_process.ts MAIN
import { createInterface } from 'node:readline'

interface Asked {
  readonly method: string
  readonly url: string
  readonly headers: readonly [string, string][]
  /** Base64. */
  readonly body?: string
  /** What is said on a channel that is opened, and how many messages are waited for. */
  readonly says?: readonly string[]
  readonly most?: number
}

interface Socket {
  readonly data: unknown
  send(frame: string | Uint8Array): number
  close(): void
  getBufferedAmount(): number
}
interface Sockets {
  open(socket: Socket): void
  message(socket: Socket, frame: string): void
  close(socket: Socket): void
}

type Handler = (request: Request, server: object) => Promise<Response | undefined>

const [main = ''] = process.argv.slice(2)
const kept = Promise.withResolvers<{ fetch: Handler; websocket?: Sockets }>()
/** Connections by the request that becomes one. */
const upgraded = new WeakMap<Request, unknown>()
const server = {
  upgrade: (request: Request, { data }: { data: unknown }) => Boolean(upgraded.set(request, data)),
  port: 0, hostname: 'nowhere', timeout: () => undefined, requestIP: () => ({ address: '127.0.0.1' }), stop: async () => undefined }
Object.assign(Bun, {
  serve: (options: { fetch: Handler; websocket?: Sockets }) => {
    kept.resolve(options)
    return server
  },
})
await import(main)
const { fetch: handler, websocket } = await kept.promise

/** As a client would: says all of it, then waits for what is to come. */
const converse = async (data: unknown, says: readonly string[], most: number): Promise<unknown[]> => {
  const found: unknown[] = []
  const enough = Promise.withResolvers<void>()
  const socket: Socket = {
    data, getBufferedAmount: () => 0, close: () => enough.resolve(),
    send: (frame) => {
      found.push(typeof frame === 'string' && frame !== 'pong' ? JSON.parse(frame) : frame)
      if (found.length >= most) enough.resolve()
      return 1
    },
  }
  websocket?.open(socket)
  for (const frame of says) websocket?.message(socket, frame)
  await enough.promise
  websocket?.close(socket)
  return found
}

const answer = async ({ method, url, headers, body, says = [], most = 0 }: Asked): Promise<object> => {
  const sent = body === undefined ? {} : { body: Buffer.from(body, 'base64') }
  const request = new Request(url, { method, headers: [...headers], ...sent })
  const response = await handler(request, server)
  if (upgraded.has(request)) {
    const found = await converse(upgraded.get(request), says, most)
    return { status: 101, headers: [], body: Buffer.from(JSON.stringify(found)).toString('base64') }
  }
  if (!response) throw new Error('There is neither an answer nor a connection')
  // as every server does
  const bytes = method === 'HEAD' ? Buffer.alloc(0) : Buffer.from(await response.arrayBuffer())
  return { status: response.status, headers: [...response.headers], body: bytes.toString('base64') }
}

for await (const line of createInterface({ input: process.stdin })) {
  try {
    console.log(JSON.stringify({ answer: await answer(JSON.parse(line) as Asked) }))
  } catch (error) {
    console.log(JSON.stringify({ error: String(error) }))
  }
}
process.kill(process.pid, 'SIGTERM')
