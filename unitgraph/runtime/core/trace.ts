/** Which request a line belongs to: an id, and a W3C trace context (https://www.w3.org/TR/trace-context/). */

export interface Trace {
  readonly requestId: string
  readonly traceId: string
  /** To be sent with what this request calls. */
  readonly traceparent: string
}

/** 32 hexadecimal digits by chance; a UUID is what platforms make fastest. */
const hex = (id: string = crypto.randomUUID()): string =>
  `${id.slice(0, 8)}${id.slice(9, 13)}${id.slice(14, 18)}${id.slice(19, 23)}${id.slice(24)}`

export const readTrace = (headers: Headers, trustedId?: string): Trace => {
  const given = trustedId ?? headers.get('x-request-id') ?? ''
  const parent = headers.get('traceparent')
  const [, trace, flags] = (parent && /^00-([0-9a-f]{32})-[0-9a-f]{16}-([0-9a-f]{2})$/.exec(parent)) || []
  // an id that could break a log line or a header is not taken over
  const own = given && /^[\w.:-]{1,128}$/.test(given) ? undefined : crypto.randomUUID()
  let traceId = trace
  let traceparent: string | undefined
  return {
    requestId: own ?? given,
    // made for who asks: most requests call nobody
    get traceId() {
      return (traceId ??= hex(own))
    },
    get traceparent() {
      return (traceparent ??= `00-${this.traceId}-${hex().slice(16)}-${flags ?? '01'}`)
    },
  }
}
