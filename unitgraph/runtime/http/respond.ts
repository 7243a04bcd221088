/** From what a function returned, or threw, to a response. */
import type { ErrorReport } from '../core/errors.ts'
import { toJson } from '../core/json.ts'
import type { Outgoing } from './wire.ts'

export const jsonResponse = (status: number, value: unknown, headers: HeadersInit = {}): Response => {
  const all = headers instanceof Headers ? headers : new Headers(headers)
  if (!all.has('content-type')) all.set('content-type', 'application/json; charset=utf-8')
  return new Response(toJson(value), { status, headers: all })
}

/** Headers of a Response that a function made are immutable in some runtimes, so they are copied. */
const decorate = (response: Response, out: Outgoing): Response => {
  const headers = new Headers(response.headers)
  for (const [name, value] of out.headers) name === 'set-cookie' ? headers.append(name, value) : headers.set(name, value)
  return new Response(response.body, { status: response.status, statusText: response.statusText, headers })
}

const isBody = (value: unknown): value is BodyInit =>
  ArrayBuffer.isView(value) || [ReadableStream, ArrayBuffer, Blob, FormData].some((kind) => value instanceof kind)

const BODILESS = new Set([101, 204, 205, 304])

/**
 * A Response, a stream or bytes go out as they are; nothing is a 204; text with a content type of its own is that
 * text; everything else is JSON.
 */
export const respond = (value: unknown, out: Outgoing): Response => {
  if (value instanceof Response) return decorate(value, out)
  const { headers } = out
  if (value === undefined) return new Response(null, { status: out.status ?? 204, headers })
  const status = out.status ?? 200
  if (BODILESS.has(status)) return new Response(null, { status, headers })
  if (isBody(value)) {
    const response = new Response(value, { status, headers })
    // blobs and forms say what they are
    if (!response.headers.has('content-type')) response.headers.set('content-type', 'application/octet-stream')
    return response
  }
  if (typeof value === 'string' && headers.has('content-type') && !headers.get('content-type')?.includes('json')) {
    return new Response(value, { status, headers })
  }
  return jsonResponse(status, value, headers)
}

/** What a caller sees of an error. */
export const errorBody = (report: ErrorReport, requestId: string): Record<string, unknown> => ({
  error: report.message,
  code: report.code,
  ...(report.issues && { issues: report.issues }),
  ...(report.data !== undefined && { data: report.data }),
  ...(report.unknown && { id: requestId }),
})
