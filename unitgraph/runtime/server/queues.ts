/** A process' share of the work on queues: takes jobs that are due, as many as may run at once, and settles them. */
import { createQueueService } from '../queue/service.ts'
import type { Outcome } from '../queue/index.ts'
import type { QueueService } from '../types/services.ts'
import type { Background, Context } from './background.ts'
import type { Claimed, Jobs } from './jobs.ts'
import { openStore, type Store } from './store.ts'

export interface QueueEntry {
  readonly queue: string
  readonly unit: string
  readonly batchSize: number
  readonly concurrency: number
  /** How long a job stays with a process that doesn't say that it lives. */
  readonly leaseMs: number
  readonly deadLetters?: string
}

export interface QueuesOptions {
  /** All that a job may be added to, with or without a worker here. */
  readonly names: readonly string[]
  readonly workers: readonly QueueEntry[]
}

export interface Queues extends Background {
  readonly service: () => QueueService
}

interface Worked {
  readonly entry: QueueEntry
  running: number
  renewedMs: number
  /** By this process' clock: before then, nothing is expected to be due. */
  dueMs: number
  /** Something may be due earlier, which the store knows. */
  isStale: boolean
}

const FORGET_MS = 60_000
const AFTER_FAULT_MS = 1000
const LOOK_AFTER_MS = 10

export const queues = ({ names, workers }: QueuesOptions): Queues => {
  let store: Store | undefined
  let jobs!: Jobs
  let context: Context | undefined
  let isTaking = false
  let timer: ReturnType<typeof setTimeout> | undefined
  const endings: (() => void)[] = []
  const worked: readonly Worked[] = workers.map((entry) => ({ entry, running: 0, renewedMs: 0, dueMs: 0, isStale: true }))
  const byName = new Map(worked.map((queue) => [queue.entry.queue, queue]))

  const guarded = async (work: () => Promise<unknown>): Promise<void> => {
    try {
      await work()
    } catch (error) {
      context?.logger.error(error, { code: 'queue-fault' })
      for (const queue of worked) queue.isStale = true
      wake(AFTER_FAULT_MS)
    }
  }

  const decide = ({ entry }: Worked, job: Claimed, outcome: Outcome): Promise<boolean> =>
    outcome.is === 'done' ? jobs.done(job)
      : outcome.is === 'retry' ? jobs.retry(job, outcome.delayMs) : jobs.giveUp(job, entry.deadLetters)

  /** Tried until the store answers: the job is this process' until then, and isn't begun again elsewhere while it lives. */
  const settle = async (queue: Worked, job: Claimed, work: () => Promise<boolean>): Promise<void> => {
    const fields = { queue: queue.entry.queue, jobId: job.id, attempt: job.attempt }
    for (let hasFailed = false; ; hasFailed = true) {
      try {
        const isMine = await work()
        // an answer that was lost may be of a try that did what it should
        if (isMine || hasFailed) return
        const warning = 'The job took so long without a sign of life that it was given to another process'
        return context?.logger.warn(warning, { ...fields, code: 'job-lease-over' })
      } catch (error) {
        // the store is closed by now, and the job put back
        if (context?.signal.aborted) return
        if (!hasFailed) context?.logger.error(error, { ...fields, code: 'queue-fault' })
        await new Promise((resolve) => setTimeout(resolve, AFTER_FAULT_MS / 4))
      }
    }
  }

  const soon = (name: string, inMs: number): void => {
    const queue = byName.get(name)
    if (!queue) return
    queue.dueMs = Math.min(queue.dueMs, Date.now() + inMs)
    wake(inMs)
  }

  const run = async (queue: Worked, job: Claimed, { units, logger, signal, run: keep }: Context): Promise<void> => {
    const { entry } = queue
    const waitUntil = (work: Promise<unknown>): void =>
      void keep(work).catch((error: unknown) => logger.error(error, { queue: entry.queue, jobId: job.id }))
    try {
      const { consumers } = await units.start(entry.unit)
      const consumer = consumers?.get(entry.queue)
      if (!consumer) throw new Error(`${entry.unit} takes no jobs from ${entry.queue}`)
      const outcome = await consumer.run({ body: job.body, messageId: job.id, attempt: job.attempt }, { signal, waitUntil })
      // what was ended with the process has not failed: it is put back
      if (signal.aborted && outcome.is !== 'done') return
      await settle(queue, job, () => decide(queue, job, outcome))
      if (outcome.is === 'retry') soon(entry.queue, outcome.delayMs)
      if (outcome.is === 'given-up' && entry.deadLetters !== undefined) soon(entry.deadLetters, 0)
    } catch (error) {
      if (signal.aborted) return
      logger.error(error, { queue: entry.queue, jobId: job.id, code: 'job-not-run' })
      await settle(queue, job, () => jobs.putBack(job, entry.leaseMs))
      soon(entry.queue, entry.leaseMs)
    } finally {
      queue.running -= 1
      wake()
    }
  }

  const take = async (queue: Worked, now: Context): Promise<void> => {
    const { entry } = queue
    while (isTaking) {
      const wanted = Math.min(entry.concurrency - queue.running, entry.batchSize)
      if (wanted <= 0 || queue.dueMs > Date.now()) return
      // a process that was too busy to renew must not take its own jobs for those of a dead one
      if (queue.running > 0 && Date.now() - queue.renewedMs > entry.leaseMs / 3) await renew(queue)
      queue.dueMs = Number.POSITIVE_INFINITY
      const claimed = await jobs.claim(entry.queue, wanted, entry.leaseMs).catch((error: unknown) => {
        queue.dueMs = 0
        throw error
      })
      if (queue.running === 0) queue.renewedMs = Date.now()
      // asked to stop meanwhile
      if (!isTaking) return void (await Promise.all(claimed.map((job) => jobs.putBack(job, 0))))
      queue.running += claimed.length
      for (const job of claimed) void now.run(run(queue, job, now))
      if (claimed.length === wanted) queue.dueMs = 0
      else queue.isStale = true
    }
  }

  const renew = async (queue: Worked): Promise<void> => {
    await jobs.renew(queue.entry.queue, queue.entry.leaseMs)
    queue.renewedMs = Date.now()
  }

  /** When something is due where nothing was, as far as is known. */
  const look = async (): Promise<void> => {
    const stale = worked.filter(({ isStale, dueMs }) => isStale && dueMs > Date.now())
    if (stale.length === 0) return
    for (const queue of stale) queue.isStale = false
    const found = await jobs.dueIn(stale.map(({ entry }) => entry.queue))
    for (const queue of stale) {
      const inMs = found.get(queue.entry.queue)
      if (inMs !== undefined) queue.dueMs = Math.min(queue.dueMs, Date.now() + inMs)
    }
  }

  let looking: Promise<void> | undefined
  /** Aside, so that nobody who finishes a job waits for it; once for many who find nothing. */
  const lookSoon = (): void => {
    if (looking || !worked.some(({ isStale, dueMs }) => isStale && dueMs > Date.now())) return
    looking = new Promise((resolve) => setTimeout(resolve, LOOK_AFTER_MS)).then(() => guarded(async () => {
      if (!isTaking) return
      await look()
      const next = Math.min(...worked.map(({ dueMs }) => dueMs))
      if (Number.isFinite(next)) wake(Math.min(Math.max(next - Date.now(), 0), FORGET_MS))
    })).finally(() => { looking = undefined })
  }

  let pumping: Promise<void> | undefined
  const pump = (): void => {
    timer = undefined
    const now = context
    if (!now || !isTaking) return
    // whoever asks meanwhile is served afterwards
    if (pumping) return void pumping.then(() => wake())
    pumping = guarded(async () => {
      await Promise.all(worked.map((queue) => take(queue, now)))
      lookSoon()
      const idle = worked.filter(({ entry, running }) => running < entry.concurrency)
      const next = Math.min(...idle.map(({ dueMs }) => dueMs))
      if (Number.isFinite(next)) wake(Math.min(Math.max(next - Date.now(), 1), FORGET_MS))
    }).finally(() => { pumping = undefined })
  }

  let wakesMs = 0
  const wake = (inMs = 0): void => {
    if (!isTaking) return
    const atMs = Date.now() + inMs
    if (timer !== undefined && wakesMs <= atMs) return
    clearTimeout(timer)
    wakesMs = atMs
    timer = setTimeout(pump, inMs)
  }
  const every = (ms: number, work: () => Promise<unknown>): void => {
    const interval = setInterval(() => void guarded(work), ms)
    endings.push(() => clearInterval(interval))
  }

  return {
    open: async (env, project) => {
      store = await openStore(env, project)
      jobs = store.jobs(crypto.randomUUID())
    },
    service: () => createQueueService((queue) => names.includes(queue), async (queue, message) => {
      await jobs.add(queue, message)
      soon(queue, message.delayMs)
    }),
    start: async (started) => {
      context = started
      isTaking = true
      await guarded(async () => {
        for (const name of names.filter((one) => !byName.has(one))) {
          const waiting = await jobs.waiting(name)
          if (waiting > 0) started.logger.warn('Jobs wait in a queue that has no worker here', { queue: name, waiting })
        }
      })
      endings.push(jobs.watch(() => {
        for (const queue of worked) queue.isStale = true
        wake()
      }))
      every(FORGET_MS, () => jobs.forget())
      for (const queue of worked) every(queue.entry.leaseMs / 3, async () => { if (queue.running > 0) await renew(queue) })
      wake()
    },
    stop: () => {
      isTaking = false
      clearTimeout(timer)
    },
    close: async () => {
      for (const end of endings) end()
      await Promise.all([pumping, looking])
      await guarded(() => jobs.release())
      await store?.close()
    },
  }
}
