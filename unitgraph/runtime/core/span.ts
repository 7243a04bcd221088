/** A span as whoever has measured it tells it: https://opentelemetry.io/docs/specs/otel/trace/api/#span. Types only. */

export interface Span {
  /** Its trace, its own id and whether it is sampled, as W3C Trace Context has them. */
  readonly traceparent: string
  /** 16 hexadecimal digits. */
  readonly parent?: string | undefined
  readonly name: string
  readonly kind: 'internal' | 'server' | 'consumer'
  /** Milliseconds since 1970. */
  readonly startMs: number
  readonly endMs: number
  readonly attributes: Readonly<Record<string, string | number | boolean | undefined>>
  /** What it failed of. */
  readonly error?: string | undefined
  /** Other spans, as their `traceparent`. */
  readonly links?: readonly string[]
}

/** Takes it on, and never throws. */
export type Tell = (span: Span) => void
