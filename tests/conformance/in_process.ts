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
}

type Handler = (request: Request, server: object) => Promise<Response>

const [main = ''] = process.argv.slice(2)
const kept = Promise.withResolvers<Handler>()
const server = { port: 0, hostname: 'nowhere', timeout: () => undefined, requestIP: () => ({ address: '127.0.0.1' }), stop: async () => undefined }
Object.assign(Bun, {
  serve: ({ fetch }: { fetch: Handler }) => {
    kept.resolve(fetch)
    return server
  },
})
await import(main)
const handler = await kept.promise

const answer = async ({ method, url, headers, body }: Asked): Promise<object> => {
  const sent = body === undefined ? {} : { body: Buffer.from(body, 'base64') }
  const response = await handler(new Request(url, { method, headers: [...headers], ...sent }), server)
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
