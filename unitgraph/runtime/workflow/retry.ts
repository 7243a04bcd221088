/** Whether and when a step that failed is tried again. Pure. */
import { durationMs } from '../core/duration.ts'
import { reportError } from '../core/errors.ts'
import type { StepOptions } from '../types/workflow.ts'

export interface Retry {
  readonly most: number
  delayMs(attempt: number, jitter: number): number
}

const DEFAULT_RETRIES = 3
const LONGEST_MS = 24 * 3_600_000

/** The caller's mistakes stay mistakes, but for those that time may mend. */
const MENDED_BY_TIME: ReadonlySet<number> = /* @__PURE__ */ new Set([408, 409, 423, 425, 429])

/** Whole milliseconds; throws what to write instead. */
export const milliseconds = (duration: unknown, what: string): number => {
  const ms = durationMs(duration)
  if (!(ms >= 0)) throw new TypeError(`${what} is ${JSON.stringify(duration)}: write milliseconds, or 30s, 5m, 2h, 7d`)
  return Math.ceil(ms)
}

export const retryOf = ({ retries = DEFAULT_RETRIES, retryDelay = '1s', backoff = 'exponential' }: StepOptions): Retry => {
  if (!(Number.isInteger(retries) && retries >= 0)) throw new TypeError(`retries is ${retries}: write a whole number`)
  const first = milliseconds(retryDelay, 'retryDelay')
  const factor = { fixed: () => 1, linear: (attempt: number) => attempt, exponential: (attempt: number) => 2 ** (attempt - 1) }
  return {
    most: retries + 1,
    // up to a quarter later, so that what failed together isn't tried together
    delayMs: (attempt, jitter) => Math.ceil(Math.min(first * factor[backoff](attempt), LONGEST_MS) * (1 + jitter / 4)),
  }
}

/** Undefined: not again. What an error says of itself goes before the step's options. */
export const retryInMs = (error: unknown, attempt: number, retry: Retry, jitter: number): number | undefined => {
  if (attempt >= retry.most) return undefined
  const { name, retryAfter } = (error ?? {}) as { name?: unknown; retryAfter?: unknown }
  if (name === 'NonRetryableError') return undefined
  const { status } = reportError(error)
  if (status < 500 && !MENDED_BY_TIME.has(status)) return undefined
  const told = retryAfter === undefined ? Number.NaN : durationMs(retryAfter)
  return told >= 0 ? Math.ceil(told) : retry.delayMs(attempt, jitter)
}
