/**
 * Jobs to functions, and what becomes of a job: done, tried again later, or given up. The same wherever the queue is;
 * what a queue does about it is its own matter.
 */
import type { Platform } from '../core/answer.ts'
import type { Call } from '../core/call.ts'
import { reportError } from '../core/errors.ts'
import { loggerOf } from '../core/failure.ts'
import { invoke } from '../core/invoke.ts'
import { Session } from '../core/session.ts'
import { readTrace, type Trace } from '../core/trace.ts'
import type { Unit } from '../core/unit.ts'
import { within } from '../core/within.ts'
import type { ErrorIssue } from '../types/errors.ts'
import type { QueueWorker } from '../types/queue.ts'
import type { QueueWire } from '../types/wire.ts'
import { readMessage, type Job } from './message.ts'

/** A worker's configuration, complete. */
export interface Retries {
  readonly maxRetries: number
  readonly retryDelayMs: number
  readonly backoff: 'fixed' | 'exponential'
  readonly timeoutMs: number
}

export interface WorkerEntry extends Retries {
  readonly queue: string
  readonly function: string
  readonly options?: Partial<QueueWorker>
}

/** What a queue hands over: a message's body, its id, and how often it was handed over, 1 for the first time. */
export interface Delivery {
  readonly body: unknown
  readonly messageId: string
  readonly attempt: number
}

export type Outcome =
  | { readonly is: 'done' }
  | { readonly is: 'retry'; readonly delayMs: number }
  | { readonly is: 'given-up' }

export interface Consumer {
  /** Never throws. */
  run(delivery: Delivery, platform: Platform): Promise<Outcome>
}

export interface QueuePart {
  /** A consumer for each queue. */
  start(unit: Unit): ReadonlyMap<string, Consumer>
}

const LONGEST_DELAY_MS = 43_200_000
/** Before a function was reached: data that isn't valid, nobody signed in, not permitted, not of this version. */
const WILL_NOT_CHANGE = new Set([400, 401, 403, 501])

export const retryDelayMs = ({ retryDelayMs: first, backoff }: Retries, attempt: number): number =>
  Math.min(backoff === 'fixed' ? first : first * 2 ** (attempt - 1), LONGEST_DELAY_MS)

const createConsumer = (unit: Unit, entry: WorkerEntry): Consumer => {
  const { queue, options = {} } = entry
  const definition = unit.functions.get(entry.function)
  if (!definition) throw new Error(`The queue ${queue} in ${unit.name} needs the function ${entry.function}, which is not there`)
  const around = { tags: options.tags ?? [], middleware: options.middleware ?? [], permissions: [options.permissions] }

  const attempt = async (job: Job, call: Call, begin: () => void): Promise<void> => {
    await within(entry.timeoutMs, call.signal, 'The attempt', (signal) =>
      invoke(unit, definition, { ...call, signal }, async () => ({ data: job.data }), around, begin))
  }

  const work = async (delivery: Delivery, platform: Platform, trace: Trace): Promise<Outcome> => {
    const started = performance.now()
    const base = await loggerOf(unit)
    const known = { queue, jobId: delivery.messageId, attempt: delivery.attempt }
    const line = () => ({
      ...known, unit: unit.name, requestId: trace.requestId, ms: Math.round((performance.now() - started) * 10) / 10,
    })
    let hasBegun = false
    let verdict: 'done' | 'failed' | undefined
    let limit = entry.maxRetries + 1
    const giveUp = (error: Error, issues?: readonly ErrorIssue[]): Outcome => {
      base.error(error, { ...line(), code: 'job-given-up', issues })
      return { is: 'given-up' }
    }
    try {
      const job = readMessage(delivery.body, delivery.messageId)
      known.jobId = job.id
      limit = Math.min(limit, job.attempts ?? limit)
      // whoever ran it the last time died of it, or was ended before it could say so
      if (delivery.attempt > limit) return giveUp(new Error(`The job was started ${limit} times and never ended`))
      const decide = (to: 'done' | 'failed', what: string) => async (reason?: string): Promise<void> => {
        verdict = to
        base[to === 'done' ? 'info' : 'error'](what, { ...line(), reason })
      }
      const wire: QueueWire = {
        queueName: queue, jobId: job.id, attempt: delivery.attempt,
        fail: decide('failed', 'job failed'),
        discard: decide('done', 'job discarded'),
        updateProgress: async (percent) => base.info('job progress', { ...line(), percent }),
      }
      const call: Call = {
        ...trace, ...platform, transport: 'queue', session: new Session(), depth: 0, queue: wire, fields: known,
      }
      await attempt(job, call, () => { hasBegun = true })
      if (verdict === 'failed') return { is: 'given-up' }
      base.info('job done', line())
      return { is: 'done' }
    } catch (thrown) {
      const error = thrown instanceof Error ? thrown : new Error(`Something was thrown that is no error: ${String(thrown)}`)
      if (verdict) {
        base.warn(error, line())
        return verdict === 'done' ? { is: 'done' } : { is: 'given-up' }
      }
      const report = reportError(error)
      const names = [error.name, error.constructor.name, ...report.names]
      const isHopeless = (!hasBegun && WILL_NOT_CHANGE.has(report.status)) || options.errors?.some((name) => names.includes(name))
      if (isHopeless || delivery.attempt >= limit) return giveUp(error, report.issues)
      const delayMs = retryDelayMs(entry, delivery.attempt)
      base.error(error, { ...line(), code: 'job-failed', retryInMs: delayMs })
      return { is: 'retry', delayMs }
    }
  }

  return {
    run: async (delivery, platform) => {
      const trace = readTrace(new Headers())
      const startMs = Date.now()
      const outcome = await work(delivery, platform, trace)
      unit.host.tell?.({
        traceparent: trace.traceparent, name: `process ${queue}`, kind: 'consumer', startMs, endMs: Date.now(),
        attributes: {
          'messaging.operation.type': 'process', 'messaging.destination.name': queue, 'messaging.message.id': delivery.messageId,
          'messaging.message.attempt': delivery.attempt, 'unitgraph.unit': unit.name,
        },
        ...(outcome.is !== 'done' && { error: outcome.is }),
      })
      return outcome
    },
  }
}

export const queue = (entries: readonly WorkerEntry[]): QueuePart => ({
  start: (unit) => new Map(entries.map((entry) => [entry.queue, createConsumer(unit, entry)])),
})
