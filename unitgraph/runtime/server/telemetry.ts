/** Spans of a process, where the environment names a collector; without one, none of their code is even loaded. */
import { HEALTH } from '../core/answer.ts'
import type { Call } from '../core/call.ts'
import { readText, type Environment } from '../core/environment.ts'
import { createLogger } from '../core/logger.ts'
import type { Span } from '../core/span.ts'
import type { Exporter } from '../telemetry/otlp.ts'

const ENDPOINTS = ['OTEL_EXPORTER_OTLP_ENDPOINT', 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT']

/** `problems` gets a line for what is wrong with the settings. */
export const openTelemetry = async (env: Environment, project: string, problems: string[]): Promise<Exporter | undefined> => {
  if (!ENDPOINTS.some((name) => readText(env, name))) return undefined
  const [{ isAskedFor, readSettings }, { createExporter }] = await Promise.all([import('../telemetry/settings.ts'), import('../telemetry/otlp.ts')])
  try {
    return isAskedFor(env) ? createExporter(readSettings(env, project, readText(env, 'UNITGRAPH_RELEASE')), createLogger()) : undefined
  } catch (error) {
    problems.push(error instanceof Error ? error.message : String(error))
    return undefined
  }
}

/** `startedMs` is of `performance.now()`. Undefined for what nobody wants to see: whether the process lives, and its own pages. */
export const spanOfRequest = (
  { method, headers }: Request, path: string, status: number, call: Call, startedMs: number, unit: string | undefined,
): Span | undefined => {
  if (HEALTH.has(path) || (unit === undefined && path.startsWith('/__unitgraph/'))) return undefined
  const given = headers.get('traceparent') ?? ''
  return {
    traceparent: call.traceparent, ...(given.slice(3, 35) === call.traceId && { parent: given.slice(36, 52) }),
    name: unit === undefined ? method : `${method} ${unit}`, kind: 'server',
    startMs: performance.timeOrigin + startedMs, endMs: performance.timeOrigin + performance.now(),
    attributes: {
      'http.request.method': method, 'url.path': path, 'http.response.status_code': status, 'unitgraph.unit': unit, 'unitgraph.request.id': call.requestId,
    },
    ...(status >= 500 && { error: String(status) }),
  }
}
