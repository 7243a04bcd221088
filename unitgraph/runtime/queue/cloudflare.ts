/** Cloudflare Queues: batches to a unit's consumers, and each outcome back (https://developers.cloudflare.com/queues/). */
import type { Platform } from '../core/answer.ts'
import { loggerOf } from '../core/failure.ts'
import type { Unit } from '../core/unit.ts'
import type { Consumer, Outcome } from './index.ts'
import { LEDGER, type Claim, type Verdict } from './ledger.ts'
import { readMessage } from './message.ts'

interface Message {
  readonly id: string
  readonly body: unknown
  readonly attempts: number
  ack(): void
  retry(options?: { delaySeconds?: number }): void
}

export interface Batch {
  readonly queue: string
  readonly messages: readonly Message[]
}

export interface Consumed {
  /** As the project calls it. */
  readonly queue: string
  /** How many jobs of a batch run at the same time. */
  readonly concurrency: number
  /** The producer binding of the queue where jobs go that were given up. */
  readonly deadLetters?: string
}

interface Producer {
  send(body: unknown, options: { contentType: 'text' | 'bytes' | 'json' }): Promise<unknown>
}
interface Namespace {
  idFromName(name: string): unknown
  get(id: unknown): { fetch(url: string, init: RequestInit): Promise<Response> }
}

const bindingOf = <T>(unit: Unit, name: string): T => {
  const found = unit.host.env[name]
  if (!found) throw new Error(`${unit.name} has no binding ${name}`)
  return found as T
}

/** What the record of a job's id says: a message of its own each time that it was added. */
const ask = async (unit: Unit, queue: string, id: string, claim: Claim): Promise<Verdict> => {
  const jobs = bindingOf<Namespace>(unit, LEDGER)
  const record = jobs.get(jobs.idFromName(`${queue}\n${id}`))
  const response = await record.fetch('https://job/', { method: 'POST', body: JSON.stringify(claim) })
  return (await response.json()) as Verdict
}

/** An id that the job was given, where one can be read. */
const namedId = ({ body, id }: Message): string | undefined => {
  try {
    const job = readMessage(body, id)
    return job.isNamed ? job.id : undefined
  } catch {
    return undefined
  }
}

/** As what it came, so that its next worker gets the same data. */
const sameAs = (body: unknown): 'text' | 'bytes' | 'json' =>
  typeof body === 'string' ? 'text' : body instanceof ArrayBuffer || ArrayBuffer.isView(body) ? 'bytes' : 'json'

/** A worker that dies is the queue's own matter: it counts attempts too, and moves what had as many as are allowed. */
const settle = async (unit: Unit, message: Message, outcome: Outcome, deadLetters: string | undefined): Promise<void> => {
  if (outcome.is === 'retry') return message.retry({ delaySeconds: Math.ceil(outcome.delayMs / 1000) })
  if (outcome.is === 'given-up' && deadLetters) {
    await bindingOf<Producer>(unit, deadLetters).send(message.body, { contentType: sameAs(message.body) })
  }
  message.ack()
}

const handle = async (unit: Unit, consumer: Consumer, message: Message, queue: Consumed, platform: Platform): Promise<void> => {
  try {
    const named = namedId(message)
    const verdict = named === undefined ? 'run' : await ask(unit, queue.queue, named, { message: message.id })
    if (verdict !== 'run') {
      const logger = await loggerOf(unit)
      logger.debug(`job ${verdict}`, { queue: queue.queue, jobId: named, unit: unit.name })
      return message.ack()
    }
    const outcome = await consumer.run({ body: message.body, messageId: message.id, attempt: message.attempts }, platform)
    if (named !== undefined && outcome.is !== 'retry') {
      await ask(unit, queue.queue, named, { message: message.id, ended: outcome.is })
    }
    await settle(unit, message, outcome, queue.deadLetters)
  } catch (error) {
    const logger = await loggerOf(unit)
    logger.error(error, { queue: queue.queue, messageId: message.id, unit: unit.name, code: 'job-not-settled' })
    message.retry()
  }
}

/** By the queue's name in the account. */
export const consumer = (queues: Readonly<Record<string, Consumed>>) =>
  (unit: Unit) =>
  async (batch: Batch, platform: Platform): Promise<void> => {
    const queue = queues[batch.queue]
    const found = queue && unit.options.queue?.start(unit).get(queue.queue)
    if (!queue || !found) throw new Error(`${unit.name} takes no jobs from the queue ${batch.queue}`)
    const waiting = [...batch.messages]
    const work = async (): Promise<void> => {
      for (let message = waiting.shift(); message; message = waiting.shift()) {
        await handle(unit, found, message, queue, platform)
      }
    }
    await Promise.all(Array.from({ length: queue.concurrency }, work))
  }
