/** All units of a project in one process, on Bun's server: only turns its events into calls. */
import { HEALTH, health, logRequest, notFound, openCall, withHeader } from '../core/answer.ts'
import { answerBroken } from '../core/broken.ts'
import type { Call, RequestCall } from '../core/call.ts'
import { RPC_SECRET, type Environment } from '../core/environment.ts'
import { BadRequestError, MethodNotAllowedError, reportError } from '../core/errors.ts'
import { createHost, type ProjectOptions } from '../core/host.ts'
import { createLogger, isHeard } from '../core/logger.ts'
import { answerRemote, calledFunction } from '../core/remote.ts'
import { RPC_PATH } from '../http/path.ts'
import * as pieces from '../pieces.ts'
import { closeServices } from '../core/owned.ts'
import type { Services } from '../core/services.ts'
import type { Messages, Unit } from '../core/unit.ts'
import { createAnswered } from '../server/answered.ts'
import type { Background, Context } from '../server/background.ts'
import type { Asked } from '../server/command.ts'
import { errorBody, jsonResponse } from '../http/respond.ts'
import { dataFolder } from '../server/folder.ts'
import { answerDocument, type Documents } from '../server/documents.ts'
import { clientAddress } from '../server/address.ts'
import type { Sockets } from '../server/sockets.ts'
import { readSettings } from '../server/settings.ts'
import { createLines } from '../server/lines.ts'
import { createGauge, drain, type Stoppable } from '../server/shutdown.ts'
import { withFiles } from '../server/sources.ts'
import { openTelemetry, spanOfRequest } from '../server/telemetry.ts'
import { createUnits, type Found, type MainRoute, type UnitEntry } from '../server/units.ts'
import type { Logger } from '../types/services.ts'

export interface ServeOptions extends ProjectOptions {
  readonly required?: readonly string[]
  readonly routes: readonly MainRoute[]
  readonly units: Readonly<Record<string, UnitEntry>>
  readonly documents?: Documents
  /** What the process does besides answering requests. */
  readonly background?: readonly Background[]
  /** Where there are channels. */
  readonly sockets?: Sockets
  /** Where something is said to all processes of a deployment. */
  readonly messages?: Messages
  /** Where there are command lines: reads what follows `cli`. */
  readonly commandLine?: (args: readonly string[]) => Promise<Asked>
  /** Default: the process' own. */
  readonly env?: Environment
}

/** What whoever started the process from outside is told once it listens, under `Symbol.for('unitgraph.serving')`. */
export interface Serving extends Context {
  readonly port: number
  readonly background: readonly Background[]
}

interface Server extends Stoppable {
  readonly port: number
  readonly hostname: string
  timeout(request: Request, seconds: number): void
  requestIP(request: Request): { readonly address: string } | null
  upgrade(request: Request, options: object): boolean
}

declare const Bun: {
  serve(options: {
    port: number
    hostname: string
    idleTimeout: number
    maxRequestBodySize: number
    fetch: (request: Request, server: Server) => Promise<Response | undefined>
    websocket?: object
    development: boolean
    error: (error: unknown) => Response
  }): Server
}
declare const process: {
  env: Environment
  argv: readonly string[]
  exit(code: number): never
  on(event: string, listener: (reason: unknown) => void): void
}

const allowed = (methods: readonly string[]): string =>
  [...methods, ...(methods.includes('GET') && !methods.includes('HEAD') ? ['HEAD'] : []), 'OPTIONS'].join(', ')

/** Of the last request that was taken apart: most go to the same place. */
let origin = ''

const pathOf = ({ url }: Request): string | undefined => {
  const rest = origin && url.startsWith(origin) ? url.slice(origin.length) : ''
  if (/^\/[\w/~-]*$/.test(rest)) return rest
  try {
    const whole = new URL(url)
    origin = whole.origin
    return whole.pathname
  } catch {
    return undefined
  }
}

/** Paths that no route of a project's goes before. */
const OWN = '/__unitgraph/'

/** The largest body that any route may allow for itself. */
const MAX_BODY = 1024 * 1024 * 1024

export const serve = async (options: ServeOptions): Promise<void> => {
  const problems: string[] = []
  // before anything is built: help needs no secrets
  const command = process.argv[2] === 'cli' ? await (options.commandLine ?? noCommandLine)(process.argv.slice(3)) : undefined
  const env = withFiles(options.env ?? process.env, options.settings?.ids ?? [], problems)
  const checked = await options.settings?.check(env)
  const telemetry = await openTelemetry(env, options.project, problems)
  const units = createUnits(options.routes, options.units, () => host)
  const builtins = { ...(command && { logger: () => command.logger(env) }), ...options.builtins }
  const lines = createLines()
  const host = createHost({ ...options, pieces, builtins, write: lines.write, folder: (given) => dataFolder(given, options.project) }, env, {
    find: (id) => units.withFunction(id), isFirst: createAnswered(), ...(options.sockets && { accept: options.sockets.accept }),
    ...(telemetry && { tell: telemetry.tell }),
    ...(options.messages && { messages: options.messages }),
  }, checked?.values)
  // a command listens on nothing
  const settings = readSettings(command ? {} : env, problems)
  problems.push(...(checked?.problems ?? []))
  const background = options.background ?? []
  for (const one of background) {
    try {
      await one.open(env, options.project, telemetry?.tell)
    } catch (error) {
      problems.push(error instanceof Error ? error.message : String(error))
    }
  }
  // parts that share something say the same of it
  if (problems.length > 0) refuse([...new Set(problems)])
  const services = await host.services().catch((error: unknown) => refuse(['its services could not be built'], error))
  const logger = services['logger'] as Logger
  process.on('unhandledRejection', (reason) => {
    logger.error(reason instanceof Error ? reason : String(reason), { code: 'unhandled-rejection' })
  })

  const gauge = createGauge()
  const close = async (): Promise<void> => {
    for (const one of background) await one.close()
    await telemetry?.close()
    await closeServices(services as Services, logger)
  }
  if (command) {
    const status = await command.run({ units, env, logger, run: (work) => gauge.run(work) })
    await gauge.idle()
    for (const one of background) one.stop()
    await close()
    return process.exit(status)
  }

  /** The unit that a signed call is for; where no secret is set, nothing is answered to such calls. */
  const calledFromElsewhere = async (request: Request, path: string): Promise<Unit | undefined> =>
    request.method === 'POST' && env[RPC_SECRET] !== undefined
      ? units.withFunction(calledFunction(path))
      : undefined

  const answer = async (request: Request, call: RequestCall, path: string, found: Found): Promise<{ response: Response; unit?: string | undefined }> => {
    const called = path.startsWith(RPC_PATH) ? await calledFromElsewhere(request, path) : undefined
    if (called) return { response: await answerRemote(called, request, call), unit: called.name }
    const own = path.startsWith(OWN) ? await answerOwn(request, path, call) : undefined
    if (own) return { response: own }
    const allow = found.allow?.length ? allowed(found.allow) : undefined
    if (found.unit !== undefined) {
      const { answer: answerOf } = await units.start(found.unit)
      const response = await answerOf(request, call, path, found.matched)
      return { response: allow ? withHeader(response, 'allow', allow) : response, unit: found.unit }
    }
    if (allow) {
      const report = reportError(new MethodNotAllowedError(`${path} answers ${allow} only`))
      return { response: jsonResponse(405, errorBody(report, call.requestId), { allow }) }
    }
    const document = options.documents && (await answerDocument(options.documents, request, path, call.requestId))
    return { response: document ?? (HEALTH.has(path) ? healthy() : notFound(request.method, path, call.requestId)) }
  }

  const answerOwn = async (request: Request, path: string, call: Call): Promise<Response | undefined> => {
    for (const one of background) {
      const answered = await one.answer?.(request, path, call)
      if (answered) return answered
    }
    return undefined
  }

  const healthy = (): Response => {
    const more = Object.assign({}, ...background.map((one) => one.health?.())) as object
    if (Object.keys(more).length === 0) return health(host)
    const { project, release } = host
    return jsonResponse(200, { status: 'ok', project, ...(release && { release }), ...more }, { 'cache-control': 'no-store' })
  }

  const handle = async (request: Request, server: Server): Promise<Response | undefined> => {
    const started = performance.now()
    const call = openCall(request, {
      get signal() {
        return request.signal
      },
      get ip() {
        return clientAddress(server.requestIP(request)?.address, request.headers.get('x-forwarded-for'), settings.trustedProxies)
      },
      waitUntil: (work) => void gauge.run(work).catch((error: unknown) => logger.error(error, { requestId: call.requestId })),
    })
    const path = pathOf(request)
    if (path === undefined) return refusal(request, call)
    let unit: string | undefined
    let response: Response
    try {
      const found = units.find(request.method, path, () => request.headers.get('access-control-request-method')?.toUpperCase())
      unit = found.unit
      // a route of a unit that has started is most of what is asked for
      const ready = unit !== undefined && !found.allow && !path.startsWith(OWN) ? units.started(unit) : undefined
      if (ready) response = await ready.answer(request, call, path, found.matched)
      else ({ response, unit } = await answer(request, call, path, found))
    } catch (error) {
      response = answerBroken(error, call)
      unit = undefined
    }
    if (isHeard(logger, 'info')) lines.later(() => logRequest(logger, request, path, response, call, started, unit))
    const span = telemetry && spanOfRequest(request, path, response.status, call, started, unit)
    if (span) telemetry.tell(span)
    if (call.isDone) return response
    // a stream of events may be silent for longer than an ordinary connection
    if (response.headers.get('content-type')?.startsWith('text/event-stream')) server.timeout(request, 0)
    // what has become a connection is answered already
    return response.status === 101 ? undefined : withHeader(response, 'x-request-id', call.requestId)
  }
  /** Of a request whose Host is none, nothing can be asked but what it was. */
  const refusal = (request: Request, call: RequestCall): Response => {
    const report = reportError(new BadRequestError('The address of the request is not valid'))
    logger.info('request', { method: request.method, status: report.status, requestId: call.requestId, traceId: call.traceId })
    return jsonResponse(report.status, errorBody(report, call.requestId), { 'x-request-id': call.requestId })
  }
  const listen = (): Server => {
    try {
      return Bun.serve({
        ...settings, idleTimeout: 60, maxRequestBodySize: MAX_BODY,
        fetch: handle, ...(options.sockets && { websocket: options.sockets.handlers }),
        // Bun's own page of an error shows the source to whoever asked
        development: false,
        error: (error) => {
          logger.error(error, { code: 'internal' })
          return jsonResponse(500, errorBody(reportError(undefined), ''))
        },
      })
    } catch (error) {
      return refuse([`${settings.hostname}:${settings.port} can't be listened on`], error)
    }
  }
  const server = listen()
  options.sockets?.start(server, gauge.run)
  const ending = new AbortController()
  const context: Context = { units, logger, signal: ending.signal, run: (work) => gauge.run(work) }
  for (const one of background) await one.start(context)

  let stopping = false
  const stop = async (signal: string): Promise<void> => {
    if (stopping) return
    stopping = true
    logger.info('stopping', { signal })
    for (const one of background) one.stop()
    if (options.sockets) void gauge.run(options.sockets.end())
    await drain(server, gauge.idle, settings.shutdownTimeoutMs, logger)
    // before services that end say so themselves
    lines.flush()
    ending.abort(new DOMException('The process ends', 'AbortError'))
    await close()
    logger.info('stopped')
    process.exit(0)
  }
  // before anybody is told that it listens, and may ask it to stop
  for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => void stop(signal))
  logger.info('listening', {
    port: server.port, host: server.hostname, project: host.project, release: host.release,
    units: Object.keys(options.units).length,
  })
  const told = (globalThis as { [serving]?: (now: Serving) => void })[serving]
  told?.({ ...context, port: server.port, background })
}

const noCommandLine = (): never => {
  console.error('error: This project has no command lines')
  return process.exit(2)
}

const serving = Symbol.for('unitgraph.serving')

/** Says everything that is wrong at once, then ends: a process that can't serve must not look as if it could. */
const refuse = (problems: readonly string[], error?: unknown): never => {
  const logger = createLogger()
  const fields = { code: 'not-started', problems, ...(error !== undefined && { error }) }
  logger.error(`Not started: ${problems.join('; ')}`, fields)
  return process.exit(1)
}
