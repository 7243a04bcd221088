/**
 * Spans to a collector, as OTLP over HTTP in JSON (https://opentelemetry.io/docs/specs/otlp/): many together, tried again
 * where that is worth it, dropped where there are too many. Nothing waits for it, and nothing fails of it.
 */
import type { Span, Tell } from '../core/span.ts'
import type { Logger } from '../types/services.ts'
import type { Settings } from './settings.ts'

const MOST_KEPT = 4096
const MOST_SENT = 512
const TRIES = 5
const END_MS = 3000
const SAID_MS = 60_000
const LONGEST = 2000
/** https://opentelemetry.io/docs/specs/otlp/#retryable-response-codes */
const PASSING = new Set([429, 502, 503, 504])

export interface Exporter {
  readonly tell: Tell
  /** Sends what there is, within a few seconds. */
  close(): Promise<void>
}

const KINDS = { internal: 1, server: 2, consumer: 5 } as const

const nanos = (ms: number): string => String(BigInt(Math.round(ms * 1000)) * 1000n)

const valueOf = (value: string | number | boolean): object =>
  typeof value === 'string' ? { stringValue: value.slice(0, LONGEST) }
    : typeof value === 'boolean' ? { boolValue: value } : Number.isInteger(value) ? { intValue: String(value) } : { doubleValue: value }

const attributesOf = (attributes: Span['attributes']): object[] =>
  Object.entries(attributes).flatMap(([key, value]) => (value === undefined ? [] : [{ key, value: valueOf(value) }]))

const idsIn = (traceparent: string): { traceId: string; spanId: string } => {
  const [, traceId = '', spanId = ''] = traceparent.split('-')
  return { traceId, spanId }
}

const spanOf = ({ traceparent, parent, name, kind, startMs, endMs, attributes, error, links = [] }: Span): object => ({
  ...idsIn(traceparent), ...(parent !== undefined && { parentSpanId: parent }), name: name.slice(0, LONGEST), kind: KINDS[kind],
  startTimeUnixNano: nanos(startMs), endTimeUnixNano: nanos(Math.max(startMs, endMs)), attributes: attributesOf(attributes),
  links: links.map(idsIn), ...(error !== undefined && { status: { code: 2, message: error.slice(0, LONGEST) } }),
})

export const createExporter = ({ url, headers, timeoutMs, delayMs, resource }: Settings, logger: Logger): Exporter => {
  let kept: Span[] = []
  let sending: Promise<void> | undefined
  let timer: ReturnType<typeof setTimeout> | undefined
  let hurry = Promise.withResolvers<void>()
  let isEnding = false
  let lost = 0
  let saidMs = Number.NEGATIVE_INFINITY

  const lose = (count: number, why: string): void => {
    lost += count
    if (performance.now() - saidMs < SAID_MS) return
    logger.warn(`Spans were lost: ${why}`, { code: 'telemetry-lost', count: lost })
    saidMs = performance.now()
    lost = 0
  }

  /** Undefined: it is there; else why not, and whether it may be tried again. */
  const post = async (body: string): Promise<{ why: string; afterMs?: number } | undefined> => {
    const over = new AbortController()
    // not AbortSignal.timeout, which goes on after the answer and keeps an object in memory
    const end = setTimeout(() => over.abort(new DOMException('the collector took too long', 'TimeoutError')), isEnding ? END_MS : timeoutMs)
    try {
      const response = await fetch(url, {
        method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body, redirect: 'manual',
        signal: over.signal,
      })
      await response.arrayBuffer()
      if (response.ok) return undefined
      const why = `the collector answered ${response.status}`
      const seconds = Number(response.headers.get('retry-after') ?? 0)
      return PASSING.has(response.status) ? { why, afterMs: Number.isFinite(seconds) ? seconds * 1000 : 0 } : { why }
    } catch (error) {
      return { why: error instanceof Error ? error.message : String(error), afterMs: 0 }
    } finally {
      clearTimeout(end)
    }
  }

  const send = async (spans: readonly Span[]): Promise<void> => {
    const body = JSON.stringify({ resourceSpans: [{
      resource: { attributes: attributesOf(resource) }, scopeSpans: [{ scope: { name: 'unitgraph' }, spans: spans.map(spanOf) }],
    }] })
    for (let count = 1; ; count += 1) {
      const failed = await post(body)
      if (!failed) return
      if (failed.afterMs === undefined || count === TRIES || isEnding) return lose(spans.length, failed.why)
      const restMs = Math.max(failed.afterMs, 500 * 2 ** count * (0.5 + Math.random() / 2))
      const rest = Promise.withResolvers<void>()
      const end = setTimeout(rest.resolve, Math.min(restMs, 30_000))
      await Promise.race([rest.promise, hurry.promise])
      clearTimeout(end)
    }
  }

  const flush = (): void => {
    clearTimeout(timer)
    timer = undefined
    sending ??= (async () => {
      while (kept.length > 0) await send(kept.splice(0, MOST_SENT))
    })().finally(() => {
      sending = undefined
      // what came in between the last look and now
      if (kept.length > 0) later()
    })
  }
  const later = (): void => {
    if (kept.length >= MOST_SENT) flush()
    else timer ??= setTimeout(flush, delayMs)
  }

  return {
    tell: (span) => {
      // the last two digits: whether it is sampled
      if ((Number.parseInt(span.traceparent.slice(53), 16) & 1) === 0) return
      if (kept.length >= MOST_KEPT) return lose(1, 'the collector is too slow')
      kept.push(span)
      later()
    },
    close: async () => {
      isEnding = true
      hurry.resolve()
      flush()
      const over = Promise.withResolvers<void>()
      const end = setTimeout(over.resolve, 2 * END_MS)
      await Promise.race([(async () => { while (sending) await sending })(), over.promise])
      clearTimeout(end)
      clearTimeout(timer)
      if (lost > 0) logger.warn('Spans were lost', { code: 'telemetry-lost', count: lost })
    },
  }
}
