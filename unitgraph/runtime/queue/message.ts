/** A job as the text that a queue holds, the same wherever it runs; and what may be put into one. */
import { durationMs } from '../core/duration.ts'
import { BadRequestError, PayloadTooLargeError } from '../core/errors.ts'
import { pack, unpack } from '../core/json.ts'
import { toBytes } from '../core/text.ts'
import type { QueueJobOptions } from '../types/services.ts'

/** Cloudflare takes 128 000 bytes, some of them for itself. */
export const JOB_LIMIT_BYTES = 127_000
const LONGEST_DELAY_MS = 86_400_000
const MOST_ATTEMPTS = 101
const MARK = '{"$unitgraph":"job",'

export interface Job {
  readonly id: string
  /** Its id was given by whoever added it, so that there is one of it. */
  readonly isNamed: boolean
  /** In all; undefined: as many as the worker allows. */
  readonly attempts: number | undefined
  readonly data: unknown
}

export interface Message {
  readonly id: string
  readonly isNamed: boolean
  readonly delayMs: number
  readonly text: string
}

/** Throws an error with a status for what no queue could take. */
export const writeMessage = (data: unknown, { jobId, delay = 0, attempts }: QueueJobOptions): Message => {
  if (jobId !== undefined && (typeof jobId !== 'string' || !/^[^\x00-\x1f\x7f\p{Cs}]{1,256}$/u.test(jobId))) {
    throw new BadRequestError('A job\'s id is a text of 1 to 256 characters')
  }
  const delayMs = Math.ceil(durationMs(delay))
  if (!(delayMs >= 0 && delayMs <= LONGEST_DELAY_MS)) {
    throw new BadRequestError('A job\'s delay is a number of milliseconds, or a duration such as 30s, up to a day')
  }
  if (attempts !== undefined && !(Number.isInteger(attempts) && attempts >= 1 && attempts <= MOST_ATTEMPTS)) {
    throw new BadRequestError(`A job's attempts are a whole number from 1 to ${MOST_ATTEMPTS}`)
  }
  const id = jobId ?? crypto.randomUUID()
  const isNamed = jobId !== undefined
  const text = `${MARK}${pack({ id, isNamed, attempts, data }).slice(1)}`
  const size = toBytes(text).length
  if (size > JOB_LIMIT_BYTES) {
    throw new PayloadTooLargeError(`A job may have ${JOB_LIMIT_BYTES} bytes, this one has ${size}: keep large data elsewhere`)
  }
  return { id, isNamed, delayMs, text }
}

const parse = (text: string): Record<string, unknown> => {
  try {
    return unpack(text) as Record<string, unknown>
  } catch (error) {
    throw new BadRequestError('The job can\'t be read', { cause: error })
  }
}

/** What somebody else put into the queue is the data of a job which has the message's id. Throws for what is garbled. */
export const readMessage = (body: unknown, messageId: string): Job => {
  if (typeof body !== 'string' || !body.startsWith(MARK)) {
    return { id: messageId, isNamed: false, attempts: undefined, data: body }
  }
  const { id, isNamed, attempts, data } = parse(body)
  if (typeof id !== 'string') throw new BadRequestError('The job has no id')
  return {
    id, isNamed: isNamed === true, attempts: typeof attempts === 'number' ? attempts : undefined, data,
  }
}
