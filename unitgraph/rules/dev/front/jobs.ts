/**
 * The queues of Workers: kept in SQLite, since workerd's own are gone with it, and handed over in batches as Cloudflare
 * does, or given to who asks for them. Knows consumers as wrangler.toml has them; what becomes of a job is what its
 * consumer says.
 */
import type { Claimed } from '../../../runtime/server/jobs.ts'
import { closeDatabases, openDatabases } from '../../../runtime/server/sqlite/database.ts'
import { createJobs } from '../../../runtime/server/sqlite/jobs.ts'
import type { Consumer } from './wrangler.ts'

/** A message as a Worker sends it; `bytes` are in base64. */
export interface Sent {
  readonly type: 'text' | 'json' | 'bytes'
  readonly body: unknown
  readonly delaySeconds?: number
}

/** What workerd says of a batch: https://developers.cloudflare.com/queues/configuration/javascript-apis/ */
export interface Outcome {
  readonly outcome: string
  readonly ackAll: boolean
  readonly retryBatch: { readonly retry: boolean; readonly delaySeconds?: number }
  readonly explicitAcks: readonly string[]
  readonly retryMessages: readonly { readonly msgId: string; readonly delaySeconds?: number }[]
}

export interface Delivered {
  readonly id: string
  readonly timestamp: Date
  readonly attempts: number
  readonly body: unknown
}

export type Deliver = (worker: string, queue: string, messages: Delivered[]) => Promise<Outcome>

/** What somebody takes who is handed nothing. */
export interface Pulled {
  readonly job: Claimed
  readonly message: Sent
}

export interface Jobs {
  add(queue: string, messages: readonly Sent[]): Promise<void>
  /** What is due, for as long as the lease; often nothing. */
  pull(queue: string, most: number, leaseMs: number): Promise<readonly Pulled[]>
  done(job: Claimed): Promise<unknown>
  /** `counts`: it has been tried. */
  retry(job: Claimed, delayMs: number, counts: boolean): Promise<unknown>
  /** Resolves when something may be due that wasn't. */
  stirred(queue: string): Promise<void>
  /** Which Worker takes what, from now on. */
  configure(consumers: readonly (Consumer & { readonly worker: string })[]): void
  /** Hands nothing over while the work goes on, and begins it when what was handed over has come back. */
  paused<T>(work: () => Promise<T>): Promise<T>
  close(): Promise<void>
}

/** Nobody else works on the folder, so that no lease has to run out. */
const OWNER = 'dev'
const LEASE_MS = 3_600_000
const AFTER_FAULT_MS = 1000
const LOOK_MS = 60_000
/** Cloudflare's own, where nothing is said: https://developers.cloudflare.com/queues/configuration/configure-queues/ */
const BATCH_SIZE = 10
const RETRIES = 3

const bodyOf = (text: string): unknown => {
  const { type, body } = JSON.parse(text) as Sent
  return type === 'bytes' ? Uint8Array.from(atob(body as string), (sign) => sign.charCodeAt(0)).buffer : body
}

export const createQueues = (folder: string, deliver: Deliver, say: (line: string) => void): Jobs => {
  const jobs = createJobs(openDatabases(folder), OWNER)
  /** What a run that was killed had. */
  const released = jobs.release()
  let consumers: readonly (Consumer & { readonly worker: string })[] = []
  let isPaused = true
  const running = new Map<string, Promise<void>>()
  const again = new Set<string>()
  const timers = new Map<string, ReturnType<typeof setTimeout>>()
  const stirs = new Map<string, PromiseWithResolvers<void>>()

  const settle = async (
    consumer: Consumer, job: Claimed, { outcome, ackAll, retryBatch, explicitAcks, retryMessages }: Outcome,
  ): Promise<unknown> => {
    const retried = retryMessages.find(({ msgId }) => msgId === job.id)
    const isAcked = explicitAcks.includes(job.id) || (outcome === 'ok' && !retried && (ackAll || !retryBatch.retry))
    if (isAcked) return jobs.done(job)
    if (job.attempt > (consumer.max_retries ?? RETRIES)) return jobs.giveUp(job, consumer.dead_letter_queue)
    const delaySeconds = retried?.delaySeconds ?? retryBatch.delaySeconds ?? consumer.retry_delay ?? 0
    return jobs.retry(job, delaySeconds * 1000)
  }

  /** False: nothing was due. */
  const work = async (consumer: Consumer & { readonly worker: string }): Promise<boolean> => {
    await released
    const claimed = await jobs.claim(consumer.queue, consumer.max_batch_size ?? BATCH_SIZE, LEASE_MS)
    if (claimed.length === 0) {
      await look(consumer.queue)
      return false
    }
    try {
      const messages = claimed.map(({ id, body, attempt }) => ({ id, timestamp: new Date(), attempts: attempt, body: bodyOf(body) }))
      const outcome = await deliver(consumer.worker, consumer.queue, messages)
      for (const job of claimed) await settle(consumer, job, outcome)
      if (consumer.dead_letter_queue !== undefined) wake(consumer.dead_letter_queue)
    } catch (error) {
      // the Worker could not be had
      say(`The queue ${consumer.queue} waits: ${error instanceof Error ? error.message : String(error)}`)
      for (const job of claimed) await jobs.putBack(job, AFTER_FAULT_MS)
    }
    return true
  }

  /** Comes back when the next job is due. */
  const look = async (queue: string): Promise<void> => {
    const inMs = (await jobs.dueIn([queue])).get(queue)
    clearTimeout(timers.get(queue))
    if (inMs !== undefined) timers.set(queue, setTimeout(wake, Math.min(Math.max(inMs, 1), LOOK_MS), queue))
  }

  /** One batch of a queue at a time, until there is none that is due. */
  const wake = (queue: string): void => {
    stirs.get(queue)?.resolve()
    stirs.delete(queue)
    const consumer = consumers.find((one) => one.queue === queue)
    if (!consumer || isPaused) return
    clearTimeout(timers.get(queue))
    timers.delete(queue)
    if (running.has(queue)) return void again.add(queue)
    const ended = work(consumer).catch((error: unknown) => {
      say(`The queue ${queue} stands still: ${error instanceof Error ? error.message : String(error)}`)
      return false
    })
    running.set(queue, ended.then((had) => {
      running.delete(queue)
      if (again.delete(queue) || had) wake(queue)
    }))
  }

  const resume = (): void => {
    isPaused = false
    for (const { queue } of consumers) wake(queue)
  }

  return {
    add: async (queue, messages) => {
      await Promise.all(messages.map(({ delaySeconds = 0, ...message }) => {
        const id = crypto.randomUUID()
        return jobs.add(queue, { id, text: JSON.stringify(message), isNamed: false, delayMs: delaySeconds * 1000 })
      }))
      wake(queue)
    },
    pull: async (queue, most, leaseMs) => {
      await released
      const claimed = await jobs.claim(queue, most, leaseMs)
      if (claimed.length === 0) await look(queue)
      return claimed.map((job) => ({ job, message: JSON.parse(job.body) as Sent }))
    },
    done: (job) => jobs.done(job),
    retry: async (job, delayMs, counts) => {
      await (counts ? jobs.retry(job, delayMs) : jobs.putBack(job, delayMs))
      wake(job.queue)
    },
    stirred: async (queue) => {
      const stir = stirs.get(queue) ?? Promise.withResolvers<void>()
      stirs.set(queue, stir)
      await stir.promise
    },
    configure: (found) => {
      consumers = found
    },
    paused: async (work) => {
      isPaused = true
      await Promise.allSettled(running.values())
      try {
        return await work()
      } finally {
        resume()
      }
    },
    close: async () => {
      isPaused = true
      for (const timer of timers.values()) clearTimeout(timer)
      await jobs.release()
      closeDatabases(folder)
    },
  }
}
