/**
 * A server's share of the work on Cloudflare's queues, which it pulls from over HTTP: as many jobs as may run at once,
 * each for as long as an attempt may take. What becomes of a job is decided as everywhere.
 */
import { readText, type Environment } from '../core/environment.ts'
import { createQueueService } from '../queue/service.ts'
import { readMessage } from '../queue/message.ts'
import type { Outcome } from '../queue/index.ts'
import type { QueueService } from '../types/services.ts'
import type { Background, Context } from './background.ts'
import { createIds, type Ids } from './ids.ts'
import { readAccount, TooOften, type Account, type Pulled, type PullQueue } from './pull-api.ts'
import { openStore, type Store } from './store.ts'

export interface PullEntry {
  readonly queue: string
  readonly unit: string
  readonly batchSize: number
  readonly concurrency: number
  /** How long one attempt may take. */
  readonly timeoutMs: number
  readonly deadLetters?: string
}

export interface PullsOptions {
  /** Queue → its name in the account: all that a job may be added to or taken from. */
  readonly names: Readonly<Record<string, string>>
  readonly workers: readonly PullEntry[]
}

export interface Pulls extends Background {
  readonly service: () => QueueService
}

/** A lease isn't prolonged, so it is as long as the longest attempt, and time to say how that ended. */
const MARGIN_MS = 60_000
/** Between looks at a queue that was empty, longer each time: the API is the account's, and counts requests. */
const WAIT_MS = { first: 1000, most: 8000, fault: 5000 }
/** The longest of these waits, in seconds. */
const WAIT = 'UNITGRAPH_PULL_WAIT'

const readWait = (env: Environment): number => {
  const text = readText(env, WAIT)
  if (text === undefined || text === '') return WAIT_MS.most
  const seconds = Number(text)
  if (!(seconds > 0 && seconds <= 300)) throw new Error(`${WAIT} is ${JSON.stringify(text)}, not a number of seconds up to 300`)
  return seconds * 1000
}

const namedId = ({ body, id }: Pulled): string | undefined => {
  try {
    const job = readMessage(body, id)
    return job.isNamed ? job.id : undefined
  } catch {
    return undefined
  }
}

export const pulls = ({ names, workers }: PullsOptions): Pulls => {
  let store: Store | undefined
  let account!: Account
  let ids!: Ids
  let context: Context | undefined
  const ending = new AbortController()
  const loops: Promise<void>[] = []
  /** Ends a wait: this process has added something itself. */
  const wakes = new Map<string, () => void>()
  let longestMs = WAIT_MS.most
  const found = new Map<string, Promise<PullQueue>>()

  const queueOf = (name: string): Promise<PullQueue> => {
    const known = found.get(name) ?? account.queue(names[name] ?? name)
    found.set(name, known)
    known.catch(() => found.delete(name))
    return known
  }
  const sleep = (ms: number): Promise<void> => new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer)
      ending.signal.removeEventListener('abort', end)
      resolve()
    }
    const timer = setTimeout(end, ms)
    ending.signal.addEventListener('abort', end)
  })
  /** Until the lease is over: what ended and is not known to have ended is done twice. */
  const insisted = async (untilMs: number, fields: object, work: () => Promise<void>): Promise<void> => {
    for (let hasFailed = false; ; hasFailed = true) {
      try {
        return await work()
      } catch (error) {
        if (Date.now() > untilMs || context?.signal.aborted) throw error
        if (!hasFailed) context?.logger.error(error, { ...fields, code: 'queue-fault' })
        await new Promise((resolve) => setTimeout(resolve, WAIT_MS.first))
      }
    }
  }

  const settle = async (entry: PullEntry, queue: PullQueue, message: Pulled, outcome: Outcome): Promise<void> => {
    if (outcome.is === 'retry') return queue.retry(message.lease, Math.ceil(outcome.delayMs / 1000))
    if (outcome.is === 'given-up' && entry.deadLetters !== undefined) await (await queueOf(entry.deadLetters)).send(message.body, 0)
    await queue.ack(message.lease)
  }

  const handle = async (entry: PullEntry, queue: PullQueue, message: Pulled, here: Context): Promise<void> => {
    const { units, logger, signal, run: keep } = here
    const fields = { queue: entry.queue, messageId: message.id, unit: entry.unit }
    const untilMs = Date.now() + entry.timeoutMs + MARGIN_MS
    const waitUntil = (work: Promise<unknown>): void => void keep(work).catch((error: unknown) => logger.error(error, fields))
    try {
      const named = namedId(message)
      const verdict = named === undefined ? 'run' : await ids.ask(entry.queue, named, message.id)
      if (verdict !== 'run') {
        logger.debug(`job ${verdict}`, { ...fields, jobId: named })
        return await insisted(untilMs, fields, () => queue.ack(message.lease))
      }
      const consumer = (await units.start(entry.unit)).consumers?.get(entry.queue)
      if (!consumer) throw new Error(`${entry.unit} takes no jobs from ${entry.queue}`)
      const outcome = await consumer.run({ body: message.body, messageId: message.id, attempt: message.attempts }, { signal, waitUntil })
      // what was ended with the process comes back when its lease is over
      if (signal.aborted && outcome.is !== 'done') return
      await insisted(untilMs, fields, async () => {
        if (named !== undefined && outcome.is !== 'retry') await ids.ended(entry.queue, named, message.id, outcome.is)
        await settle(entry, queue, message, outcome)
      })
    } catch (error) {
      // it comes back by itself
      logger.error(error, { ...fields, code: 'job-not-settled' })
    }
  }

  const work = async (entry: PullEntry, here: Context): Promise<void> => {
    let running = 0
    let freed = Promise.withResolvers<void>()
    let added = Promise.withResolvers<void>()
    wakes.set(entry.queue, () => added.resolve())
    const firstMs = Math.min(WAIT_MS.first, longestMs)
    let waitMs = firstMs
    while (!ending.signal.aborted) {
      const free = Math.min(entry.concurrency - running, entry.batchSize)
      if (free <= 0) {
        await Promise.race([freed.promise, sleep(WAIT_MS.most)])
        continue
      }
      added = Promise.withResolvers()
      try {
        const queue = await queueOf(entry.queue)
        const messages = await queue.pull(free, entry.timeoutMs + MARGIN_MS)
        if (ending.signal.aborted) await Promise.all(messages.map(({ lease }) => queue.retry(lease, 0)))
        else for (const message of messages) {
          running += 1
          void here.run(handle(entry, queue, message, here)).finally(() => {
            running -= 1
            freed.resolve()
            freed = Promise.withResolvers()
          })
        }
        if (messages.length > 0) waitMs = firstMs
        else {
          await Promise.race([sleep(waitMs), added.promise])
          waitMs = Math.min(waitMs * 2, longestMs)
        }
      } catch (error) {
        if (ending.signal.aborted) return
        here.logger.error(error, { queue: entry.queue, code: 'queue-fault' })
        await sleep(error instanceof TooOften ? error.againMs : WAIT_MS.fault)
      }
    }
  }

  return {
    open: async (env, project) => {
      account = readAccount(env)
      longestMs = readWait(env)
      store = await openStore(env, project)
      ids = createIds(store.marks())
    },
    service: () => createQueueService((queue) => Object.hasOwn(names, queue), async (queue, { text, delayMs }) => {
      await (await queueOf(queue)).send(text, Math.ceil(delayMs / 1000))
      if (delayMs === 0) wakes.get(queue)?.()
    }),
    start: (started) => {
      context = started
      for (const entry of workers) loops.push(work(entry, started))
    },
    stop: () => ending.abort(),
    close: async () => {
      await Promise.all(loops)
      await store?.close()
    },
  }
}
