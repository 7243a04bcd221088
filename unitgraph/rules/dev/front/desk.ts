/** The front's own server: keeps the port, lets requests through to the version that is good, shows what is wrong. */
import type { Crashes } from './crash.ts'
import type { Gate } from './gate.ts'
import { answerPage, PAGE_PATH } from '../../../runtime/dashboard/page.ts'
import { isForeign } from '../../../runtime/http/origin.ts'
import { forward, headersFor } from './forward.ts'
import { handlers, upgrade } from './sockets.ts'
import type { Fired, Place } from './words.ts'

const OWN = '/__unitgraph/dev/'
/** Where the units answer whoever looks after their runs. */
const RUNS = /^\/__unitgraph\/(?:dashboard|runs|workflows)(?:\/|$)/

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
  /** What the units that run know whoever looks after their runs by. */
  readonly runsToken: () => string | undefined
  /** Where the units don't have the page for that, whose runs it is about. */
  readonly pageFor: string | undefined
  readonly place: Place
  readonly gate: Gate
  readonly crashes: Crashes
  /** Resolves when the first build has come to its end: whoever asks before is answered then. */
  readonly built: Promise<void>
}

/** The largest body that a unit may allow for itself. */
const MAX_BODY = 1024 * 1024 * 1024

const refuse = (status: number, code: string, error: string, more: object = {}): Response =>
  Response.json({ error, code, ...more }, { status, headers: { 'cache-control': 'no-store' } })

/** Names of this machine: another one may have been made to lead here, by a page that shouldn't read what is shown. */
const LOCAL = /^(?:localhost|.+\.localhost|127\.0\.0\.1|\[::1\])(?::\d+)?$/

/** A person who looks at a page, and not a script of one. */
const isLooking = (request: Request): boolean =>
  LOCAL.test(request.headers.get('host') ?? '') && (request.method === 'GET' || request.method === 'HEAD') && (request.headers.get('accept') ?? '').includes('text/html')

export const createDesk = ({ host, port, token, runsToken, pageFor, place, gate, built, crashes }: DeskOptions): Desk => {
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

  const page = (text: string): Response =>
    new Response(text, {
      status: 500,
      headers: {
        'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store', 'x-content-type-options': 'nosniff',
      },
    })

  /** What is wrong with a function, instead of the number under which the log has it. */
  const crashed = async (answer: Response): Promise<Response> => {
    const found = await crashes.page(answer.headers.get('x-request-id') ?? '')
    return found === undefined ? answer : page(found)
  }

  /** Whoever is at this machine may look after runs; a page of another site may not have a browser do it. */
  const asOwner = (request: Request): Headers | undefined => {
    const secret = runsToken()
    if (secret === undefined) return headersFor(request)
    const seen = { url: request.url, header: (name: string) => request.headers.get(name) ?? undefined }
    if (!LOCAL.test(request.headers.get('host') ?? '') || isForeign(seen, [])) return undefined
    const headers = headersFor(request)
    headers.set('authorization', `Bearer ${secret}`)
    return headers
  }

  const handle = async (request: Request, server: Server): Promise<Response | undefined> => {
    const { pathname, searchParams } = new URL(request.url)
    if (pathname.startsWith(OWN)) {
      server.timeout(request, 0)
      if (pathname === `${OWN}events`) return news(Number(searchParams.get('seen')))
      if (pathname === `${OWN}fire` && request.method === 'POST') return fire(request)
      return refuse(404, 'not-found', `Nothing answers ${request.method} ${pathname}`)
    }
    await built
    if (broken && isLooking(request)) return page(broken.page.replace('{{edition}}', String(edition)))
    await gate.pass()
    const { address } = place
    if (address === undefined) {
      return refuse(503, 'dev-not-built', 'There is no version that runs yet', { problems: broken?.problems ?? [] })
    }
    const headers = RUNS.test(pathname) ? asOwner(request) : headersFor(request)
    if (!headers) return refuse(403, 'forbidden', 'Runs are for pages of this address on this machine')
    if (pageFor !== undefined && pathname.startsWith(PAGE_PATH)) {
      if (pathname === `${PAGE_PATH}/session`) return Response.json({ project: pageFor, by: 'bearer' })
      return (await answerPage(request, pathname)) ?? refuse(404, 'not-found', `Nothing answers ${request.method} ${pathname}`)
    }
    const isSocket = request.headers.get('upgrade')?.toLowerCase() === 'websocket'
    if (isSocket && (await upgrade(request, address, gate, server))) return undefined
    const done = gate.enter(address)
    try {
      const answer = await forward(request, address, done, headers)
      return answer.status === 500 && isLooking(request) ? await crashed(answer) : answer
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
