/** A request to a unit: its parts, calls from other units, health; whatever happens, a response. */
import { errorResponse, jsonResponse } from '../http/respond.ts'
import type { Logger } from '../types/services.ts'
import type { Call, RequestCall } from './call.ts'
import { NotFoundError, reportError } from './errors.ts'
import { logFailure, loggerOf } from './failure.ts'
import { isHeard } from './logger.ts'
import { Session } from './session.ts'
import { readTrace, type Trace } from './trace.ts'
import type { Answer, Host, Part, Unit } from './unit.ts'

export interface Platform {
  readonly signal: AbortSignal
  readonly waitUntil: (work: Promise<unknown>) => void
  readonly ip?: string | undefined
}

export const HEALTH = new Set(['/health', '/__unitgraph/health'])

export const health = (host: Host, unit?: string): Response =>
  jsonResponse(200, {
    status: 'ok', project: host.project, unit, release: host.release || undefined,
  }, { 'cache-control': 'no-store' })

/** Makes a request's call: nobody is signed in yet. What is costly is asked of the platform when somebody asks for it. */
export const openCall = (request: Request, platform: Platform, trace: Trace = readTrace(request.headers)): RequestCall => ({
  transport: 'http',
  session: new Session(),
  depth: 0,
  requestId: trace.requestId,
  waitUntil: platform.waitUntil,
  http: undefined,
  isDone: false,
  get traceId() {
    return trace.traceId
  },
  get traceparent() {
    return trace.traceparent
  },
  get signal() {
    return platform.signal
  },
  get ip() {
    return platform.ip
  },
})

export const notFound = (method: string, path: string, requestId: string): Response =>
  errorResponse(reportError(new NotFoundError(`Nothing answers ${method} ${path}`)), requestId)

const ask = (unit: Unit, parts: readonly ReturnType<Part['start']>[]): Answer =>
  async (request, call, path) => {
    try {
      for (const part of parts) {
        const response = await part(request, call, path)
        if (response) return response
      }
      return HEALTH.has(path) ? health(unit.host, unit.name) : notFound(request.method, path, call.requestId)
    } catch (error) {
      const report = reportError(error)
      await logFailure(unit, call, error, report)
      return errorResponse(report, call.requestId)
    }
  }

const start = (unit: Unit) => (unit.options.parts ?? []).map((part) => part.start(unit))

/** Of a unit that stands alone: it answers calls from other units, and logs requests. */
export const createAnswer = (unit: Unit): Answer => {
  const { answers } = unit.options
  const asked = ask(unit, [...(answers ? [answers(unit)] : []), ...start(unit)])
  return async (request, call, path) => {
    const started = performance.now()
    const response = await asked(request, call, path)
    logRequest(await loggerOf(unit), request, path, response, call, started, unit.name)
    return withHeader(response, 'x-request-id', call.requestId)
  }
}

/** Of a unit before which a process stands, which does that. */
export const createInner = (unit: Unit): Answer => {
  const parts = start(unit)
  const asked = ask(unit, parts)
  // a route has an answer to every error: nobody need wait for it to see whether there is one
  const routes = unit.options.parts?.[0]?.name === 'http' ? parts[0] : undefined
  return (request, call, path, matched) => (routes?.(request, call, path, matched) as Promise<Response> | undefined) ?? asked(request, call, path)
}

/** A line of the log. That somebody asked for a unit's health is for who debugs. */
export const logRequest = (
  logger: Logger, { method }: Request, path: string, { status }: Response, call: Call, started: number, unit: string | undefined,
): void => {
  const level = HEALTH.has(path) ? 'debug' : 'info'
  if (!isHeard(logger, level)) return
  const ms = Math.round((performance.now() - started) * 10) / 10
  logger[level]('request', { method, path, status, ms, unit, requestId: call.requestId, traceId: call.traceId })
}

/** Headers of a response from elsewhere are immutable, hence the copy. */
export const withHeader = (response: Response, name: string, value: string): Response => {
  try {
    response.headers.set(name, value)
    return response
  } catch {
    const copy = new Response(response.body, response)
    copy.headers.set(name, value)
    return copy
  }
}
