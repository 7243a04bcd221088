/** A process' share of the work on queues: takes jobs that are due, as many as may run at once, and settles them. */
import { createQueueService } from '../queue/service.ts'
import type { Outcome } from '../queue/index.ts'
import type { QueueService } from '../types/services.ts'
import type { Background, Context } from './background.ts'
import { closeStore, openStore } from './database.ts'
import { dataFolder } from './folder.ts'
import { createJobs, type Claimed, type Jobs } from './jobs.ts'

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
}

/** How often to look whether another process has added something. */
const LOOK_MS = 200
const FORGET_MS = 60_000
const AFTER_FAULT_MS = 1000

export const queues = ({ names, workers }: QueuesOptions): Queues => {
  let folder = ''
  let jobs!: Jobs
  let context: Context | undefined
  let isTaking = false
  let timer: ReturnType<typeof setTimeout> | undefined
  const timers: ReturnType<typeof setInterval>[] = []
  const worked: Worked[] = workers.map((entry) => ({ entry, running: 0, renewedMs: 0 }))

  const guarded = <T>(work: () => T): T | undefined => {
    try {
      return work()
    } catch (error) {
      context?.logger.error(error, { code: 'queue-fault' })
      wake(AFTER_FAULT_MS)
      return undefined
    }
  }

  const settle = ({ entry }: Worked, job: Claimed, outcome: Outcome): void => {
    const isMine = outcome.is === 'done' ? jobs.done(job)
      : outcome.is === 'retry' ? jobs.retry(job, outcome.delayMs) : jobs.giveUp(job, entry.deadLetters)
    if (isMine) return
    const fields = { queue: entry.queue, jobId: job.id, attempt: job.attempt, code: 'job-lease-over' }
    context?.logger.warn('The job took so long without a sign of life that it was given to another process', fields)
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
      if (!signal.aborted || outcome.is === 'done') settle(queue, job, outcome)
    } catch (error) {
      // the database is closed by now, and the job put back
      if (signal.aborted) return
      logger.error(error, { queue: entry.queue, jobId: job.id, code: 'job-not-run' })
      guarded(() => jobs.putBack(job, entry.leaseMs))
    } finally {
      queue.running -= 1
      wake()
    }
  }

  const take = (queue: Worked, now: Context): void => {
    const { entry } = queue
    const free = entry.concurrency - queue.running
    if (free <= 0) return
    // a process that was too busy to renew must not take its own jobs for those of a dead one
    if (queue.running > 0 && Date.now() - queue.renewedMs > entry.leaseMs / 3) renew(queue)
    const claimed = jobs.claim(entry.queue, Math.min(free, entry.batchSize), entry.leaseMs)
    if (queue.running === 0) queue.renewedMs = Date.now()
    queue.running += claimed.length
    for (const job of claimed) void now.run(run(queue, job, now))
    if (claimed.length === entry.batchSize) take(queue, now)
  }

  const renew = (queue: Worked): void => {
    jobs.renew(queue.entry.queue, queue.entry.leaseMs)
    queue.renewedMs = Date.now()
  }

  const pump = (): void => {
    timer = undefined
    const now = context
    if (!now || !isTaking) return
    guarded(() => {
      for (const queue of worked) take(queue, now)
      const idle = worked.filter(({ entry, running }) => running < entry.concurrency)
      const next = Math.min(...idle.map(({ entry }) => jobs.nextDue(entry.queue) ?? Number.POSITIVE_INFINITY))
      if (Number.isFinite(next)) wake(Math.min(Math.max(next - Date.now(), 1), FORGET_MS))
    })
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

  return {
    open: (env, project) => {
      folder = dataFolder(env, project)
      jobs = createJobs(openStore(folder), crypto.randomUUID())
    },
    service: () => createQueueService((queue) => names.includes(queue), async (queue, message) => {
      await jobs.add(queue, message)
      wake(message.delayMs)
    }),
    start: (started) => {
      context = started
      isTaking = true
      for (const name of names.filter((one) => !workers.some(({ queue }) => queue === one))) {
        const waiting = jobs.waiting(name)
        if (waiting > 0) started.logger.warn('Jobs wait in a queue that has no worker here', { queue: name, waiting })
      }
      let version = jobs.version()
      timers.push(setInterval(() => guarded(() => {
        const moved = jobs.version()
        if (moved !== version) wake()
        version = moved
      }), LOOK_MS))
      timers.push(setInterval(() => guarded(() => jobs.forget()), FORGET_MS))
      for (const queue of worked) {
        timers.push(setInterval(() => { if (queue.running > 0) guarded(() => renew(queue)) }, queue.entry.leaseMs / 3))
      }
      wake()
    },
    stop: () => {
      isTaking = false
      clearTimeout(timer)
    },
    close: () => {
      for (const one of timers) clearInterval(one)
      jobs.release()
      closeStore(folder)
    },
  }
}
