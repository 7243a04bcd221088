/** A workflow's options, as what its runs are started with. Mistakes in them are told when its unit is loaded. */
import type { Limit, WorkflowOptions } from '../types/workflow.ts'
import { flowOf, KEPT_MS, type Flow } from './flow.ts'
import { milliseconds } from './retry.ts'

type Written = WorkflowOptions<unknown>

const checkLimit = (workflow: string, what: string, { limit, key }: Limit<unknown>): void => {
  if (!(Number.isInteger(limit) && limit > 0)) throw new TypeError(`${workflow}: ${what}.limit is ${limit}: write a whole number from 1`)
  if (key !== undefined && typeof key !== 'function') throw new TypeError(`${workflow}: ${what}.key is a function of the input: write (data) => data.customerId`)
}

const keyOf = (workflow: string, what: string, { key }: Limit<unknown>, data: unknown): string => {
  if (!key) return workflow
  const value = key(data)
  if (typeof value === 'string' || typeof value === 'number') return `${workflow} ${value}`
  throw new TypeError(`${workflow}: ${what}.key gives ${value === null ? 'null' : typeof value}, not a text or a number`)
}

const priorityOf = (workflow: string, value: unknown): number => {
  if (Number.isSafeInteger(value)) return value as number
  throw new TypeError(`${workflow}: priority is ${String(value)}: write a whole number`)
}

const span = (workflow: string, what: string, duration: unknown): number => {
  const ms = milliseconds(duration, `${workflow}: ${what}`)
  if (ms > 0 && Number.isSafeInteger(ms)) return ms
  throw new TypeError(`${workflow}: ${what} is no time: write milliseconds, or 30s, 5m, 2h, 7d`)
}

/** By a run's input. */
export const readFlow = (workflow: string, { concurrency, rate, priority = 0, retention }: Written): ((data: unknown) => Flow) => {
  if (concurrency) checkLimit(workflow, 'concurrency', concurrency)
  if (rate) checkLimit(workflow, 'rate', rate)
  const ratePerMs = rate ? span(workflow, 'rate.per', rate.per) : 0
  const retentionMs = retention === undefined ? KEPT_MS : span(workflow, 'retention', retention)
  const most = typeof priority === 'function' ? undefined : priorityOf(workflow, priority)
  return (data) => flowOf({
    priority: most ?? priorityOf(workflow, (priority as (data: unknown) => number)(data)), retentionMs,
    ...(concurrency && { concurrencyKey: keyOf(workflow, 'concurrency', concurrency, data), concurrencyLimit: concurrency.limit }),
    ...(rate && { rateKey: keyOf(workflow, 'rate', rate, data), rateLimit: rate.limit, ratePerMs }),
  })
}
