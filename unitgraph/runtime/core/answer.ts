/** A request to a unit: its parts, calls from other units, health; whatever happens, a response. */
import { errorBody, jsonResponse } from '../http/respond.ts'
import type { Call } from './call.ts'
import { NotFoundError, reportError } from './errors.ts'
import { logFailure, loggerOf } from './failure.ts'
import { answerRemote, RPC_PATH } from './remote.ts'
import { Session } from './session.ts'
import { readTrace } from './trace.ts'
import type { Host, Unit } from './unit.ts'

export interface Platform {
  readonly signal: AbortSignal
  readonly waitUntil: (work: Promise<unknown>) => void
  readonly ip?: string | undefined
}

export const HEALTH = new Set(['/health', '/__unitgraph/health'])

export const health = (host: Host, unit?: string): Response =>
  jsonResponse(200, {
    status: 'ok', project: host.project, ...(unit && { unit }), ...(host.release && { release: host.release }),
  }, { 'cache-control': 'no-store' })

/** Makes a request's call: nobody is signed in yet. */
export const openCall = (request: Request, platform: Platform): Call => ({
  ...readTrace(request.headers),
  transport: 'http',
  session: new Session(),
  depth: 0,
  ...platform,
})

export const notFound = (method: string, path: string, requestId: string): Response =>
  jsonResponse(404, errorBody(reportError(new NotFoundError(`Nothing answers ${method} ${path}`)), requestId))

const dispatch = (unit: Unit, isOutermost: boolean): ((request: Request, call: Call) => Promise<Response>) => {
  const parts = (unit.options.parts ?? []).map((part) => part.start(unit))
  const exposed = [...unit.functions.values()].find((definition) => definition.expose && !definition.internal)
  if (exposed && !unit.options.parts?.some((part) => part.name === 'http')) {
    throw new Error(`${unit.name} exposes ${exposed.id} but was built without HTTP`)
  }
  return async (request, call) => {
    const path = new URL(request.url).pathname
    if (isOutermost && path.startsWith(RPC_PATH) && request.method === 'POST') return answerRemote(unit, request, call)
    for (const part of parts) {
      const response = await part(request, call)
      if (response) return response
    }
    return HEALTH.has(path) ? health(unit.host, unit.name) : notFound(request.method, path, call.requestId)
  }
}

/** `isOutermost`: nothing stands before this unit that logs requests and answers calls from other units. */
export const createAnswer = (unit: Unit, isOutermost = true): ((request: Request, call: Call) => Promise<Response>) => {
  const answer = dispatch(unit, isOutermost)
  return async (request, call) => {
    const started = performance.now()
    let response: Response
    try {
      response = await answer(request, call)
    } catch (error) {
      const report = reportError(error)
      await logFailure(unit, call, error, report)
      response = jsonResponse(report.status, errorBody(report, call.requestId))
    }
    if (!isOutermost) return response
    const path = new URL(request.url).pathname
    const logger = await loggerOf(unit)
    logger[HEALTH.has(path) ? 'debug' : 'info']('request', requestLine(request, path, response, call, started, unit.name))
    return withHeader(response, 'x-request-id', call.requestId)
  }
}

export const requestLine = (
  request: Request, path: string, response: Response, call: Call, started: number, unit: string | undefined,
): Record<string, unknown> => ({
  method: request.method, path, status: response.status, ms: Math.round((performance.now() - started) * 10) / 10,
  unit, requestId: call.requestId, traceId: call.traceId,
})

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
