/** From what a function returned, or threw, to a response. */
import type { RequestCall } from '../core/call.ts'
import type { ErrorReport } from '../core/errors.ts'
import { toJson } from '../core/json.ts'
import type { Outgoing } from './outgoing.ts'

const JSON_TYPE = 'application/json; charset=utf-8'

export const jsonResponse = (status: number, value: unknown, more?: HeadersInit): Response => {
  const headers = more instanceof Headers ? more : new Headers(more)
  if (!headers.has('content-type')) headers.set('content-type', JSON_TYPE)
  return new Response(toJson(value), { status, headers })
}

/** Headers of a Response that a function made are immutable in some runtimes, so they are copied. */
const decorate = (response: Response, out: Outgoing): Response => {
  const headers = new Headers(response.headers)
  for (const [name, value] of out.headers) name === 'set-cookie' ? headers.append(name, value) : headers.set(name, value)
  return new Response(response.body, { status: response.status, statusText: response.statusText, headers })
}

/** Copied into each answer that has no others. */
const PLAIN = /* @__PURE__ */ new Headers({ 'content-type': JSON_TYPE })

/** What may be something else than JSON. */
const isSpecial = (value: unknown): value is object | string =>
  typeof value === 'string' || (typeof value === 'object' && value !== null && Object.getPrototypeOf(value) !== Object.prototype)

const isBody = (value: unknown): value is BodyInit =>
  ArrayBuffer.isView(value) || [ReadableStream, ArrayBuffer, Blob, FormData].some((kind) => value instanceof kind)

const BODILESS = new Set([101, 204, 205, 304])

/**
 * A Response, a stream or bytes go out as they are; nothing is a 204; text with a content type of its own is that
 * text; everything else is JSON.
 */
export const respond = (value: unknown, out: Outgoing, call?: RequestCall): Response => {
  if (value instanceof Response) return decorate(value, out)
  const status = out.status ?? (value === undefined ? 204 : 200)
  if (value === undefined || BODILESS.has(status)) return new Response(null, { status, headers: out.headers })
  if (call && !out.made && !isSpecial(value)) {
    call.isDone = true
    PLAIN.set('x-request-id', call.requestId)
    return new Response(toJson(value), { status, headers: PLAIN })
  }
  const { headers } = out
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

/** The answer to an error. */
export const errorResponse = (report: ErrorReport, requestId: string, more?: HeadersInit): Response =>
  jsonResponse(report.status, errorBody(report, requestId), more)

/** What a caller sees of an error, as JSON has it. */
export const errorBody = (report: ErrorReport, requestId: string): Record<string, unknown> => ({
  error: report.message,
  code: report.code,
  issues: report.issues,
  data: report.data,
  id: report.unknown ? requestId : undefined,
})
