/** Which request a line belongs to: an id, and a W3C trace context (https://www.w3.org/TR/trace-context/). */

export interface Trace {
  readonly requestId: string
  readonly traceId: string
  /** To be sent with what this request calls. */
  readonly traceparent: string
}

/** Up to 32 hexadecimal digits by chance; a UUID is what platforms make fastest. */
const hex = (digits: number): string => {
  const id = crypto.randomUUID()
  return `${id.slice(0, 8)}${id.slice(9, 13)}${id.slice(14, 18)}${id.slice(19, 23)}${id.slice(24)}`.slice(0, digits)
}

export const readTrace = (headers: Headers, trustedId?: string): Trace => {
  const given = trustedId ?? headers.get('x-request-id') ?? ''
  const parent = headers.get('traceparent')
  const [, trace, flags] = (parent && /^00-([0-9a-f]{32})-[0-9a-f]{16}-([0-9a-f]{2})$/.exec(parent)) || []
  let traceId = trace
  let traceparent: string | undefined
  return {
    // an id that could break a log line or a header is not taken over
    requestId: given && /^[\w.:-]{1,128}$/.test(given) ? given : crypto.randomUUID(),
    // made for who asks: most requests call nobody
    get traceId() {
      return (traceId ??= hex(32))
    },
    get traceparent() {
      return (traceparent ??= `00-${this.traceId}-${hex(16)}-${flags ?? '01'}`)
    },
  }
}
