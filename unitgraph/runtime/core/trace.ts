/** Which request a line belongs to: an id, and a W3C trace context (https://www.w3.org/TR/trace-context/). */

export interface Trace {
  readonly requestId: string
  readonly traceId: string
  /** To be sent with what this request calls. */
  readonly traceparent: string
}

/** Up to 32 hexadecimal digits by chance; a UUID is what platforms make fastest. */
const hex = (digits: number): string => crypto.randomUUID().replaceAll('-', '').slice(0, digits)

export const readTrace = (headers: Headers, trustedId?: string): Trace => {
  const given = trustedId ?? headers.get('x-request-id') ?? ''
  const [, trace, flags] = /^00-([0-9a-f]{32})-[0-9a-f]{16}-([0-9a-f]{2})$/.exec(headers.get('traceparent') ?? '') ?? []
  const traceId = trace ?? hex(32)
  return {
    // an id that could break a log line or a header is not taken over
    requestId: /^[\w.:-]{1,128}$/.test(given) ? given : crypto.randomUUID(),
    traceId,
    traceparent: `00-${traceId}-${hex(16)}-${flags ?? '01'}`,
  }
}
