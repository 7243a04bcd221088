/** The front's own server: keeps the port, lets requests through to the version that is good, shows what is wrong. */
import type { Gate } from './gate.ts'
import { forward } from './forward.ts'
import { handlers, upgrade } from './sockets.ts'
import type { Fired, Place } from './words.ts'

const OWN = '/__unitgraph/dev/'

interface Broken {
  readonly page: string
  readonly problems: readonly string[]
}

export interface Desk {
  readonly port: number
  /** What browsers are shown instead of answers, and everybody where there never was a good version. */
  show(broken: Broken | undefined): void
  stop(): Promise<void>
}

export interface DeskOptions {
  readonly host: string
  readonly port: number
  readonly token: string
  readonly place: Place
  readonly gate: Gate
  /** Resolves when the first build has come to its end: whoever asks before is answered then. */
  readonly built: Promise<void>
}

/** The largest body that a unit may allow for itself. */
const MAX_BODY = 1024 * 1024 * 1024

const refuse = (status: number, code: string, error: string, more: object = {}): Response =>
  Response.json({ error, code, ...more }, { status, headers: { 'cache-control': 'no-store' } })

/** A person who looks at a page, and not a script of one. */
const isLooking = (request: Request): boolean =>
  (request.method === 'GET' || request.method === 'HEAD') && (request.headers.get('accept') ?? '').includes('text/html')

export const createDesk = ({ host, port, token, place, gate, built }: DeskOptions): Desk => {
  let broken: Broken | undefined
  let edition = 0
  const watching = new Set<() => void>()

  /** Tells a page once that it has seen `edition`, and there is another now. */
  const news = (seen: number): Response => {
    let told = (): void => undefined
    const body = new ReadableStream<string>({
      start: (controller) => {
        const tell = (): void => {
          try {
            controller.enqueue(`data: ${edition}\n\n`)
          } catch {
            watching.delete(tell)
          }
        }
        told = () => watching.delete(tell)
        controller.enqueue(': here\n\n')
        if (seen !== edition) tell()
        watching.add(tell)
      },
      cancel: () => told(),
    })
    return new Response(body, { headers: { 'content-type': 'text/event-stream', 'cache-control': 'no-store' } })
  }

  const fire = async (request: Request): Promise<Response> => {
    if (request.headers.get('authorization') !== `Bearer ${token}`) return refuse(403, 'forbidden', 'Not for you')
    await built
    try {
      await place.fire((await request.json()) as Fired)
      return Response.json({ fired: true })
    } catch (error) {
      return refuse(422, 'dev-not-fired', error instanceof Error ? error.message : String(error))
    }
  }

  const page = (found: Broken): Response =>
    new Response(found.page.replace('{{edition}}', String(edition)), {
      status: 500,
      headers: {
        'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store', 'x-content-type-options': 'nosniff',
      },
    })

  const handle = async (request: Request, server: Server): Promise<Response | undefined> => {
    const { pathname, searchParams } = new URL(request.url)
    if (pathname.startsWith(OWN)) {
      server.timeout(request, 0)
      if (pathname === `${OWN}events`) return news(Number(searchParams.get('seen')))
      if (pathname === `${OWN}fire` && request.method === 'POST') return fire(request)
      return refuse(404, 'not-found', `Nothing answers ${request.method} ${pathname}`)
    }
    await built
    if (broken && isLooking(request)) return page(broken)
    await gate.pass()
    const { address } = place
    if (address === undefined) {
      return refuse(503, 'dev-not-built', 'There is no version that runs yet', { problems: broken?.problems ?? [] })
    }
    const isSocket = request.headers.get('upgrade')?.toLowerCase() === 'websocket'
    if (isSocket && (await upgrade(request, address, server))) return undefined
    const done = gate.enter(address)
    try {
      return await forward(request, address, done)
    } catch (error) {
      done()
      if (request.signal.aborted) return new Response(null, { status: 499 })
      return refuse(502, 'dev-unreachable', `What runs the units doesn't answer: ${error instanceof Error ? error.message : String(error)}`)
    }
  }

  const server = Bun.serve({ hostname: host, port, idleTimeout: 0, maxRequestBodySize: MAX_BODY, fetch: handle, websocket: handlers })
  return {
    port: server.port,
    show: (found) => {
      if (found === undefined && broken === undefined) return
      broken = found
      edition += 1
      for (const tell of watching) tell()
    },
    stop: async () => server.stop(true),
  }
}

interface Server {
  readonly port: number
  timeout(request: Request, seconds: number): void
  upgrade(request: Request, options: object): boolean
  stop(now: boolean): Promise<void> | void
}

declare const Bun: {
  serve(options: {
    hostname: string
    port: number
    idleTimeout: number
    maxRequestBodySize: number
    fetch: (request: Request, server: Server) => Promise<Response | undefined>
    websocket: typeof handlers
  }): Server
}
