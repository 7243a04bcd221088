/** Jobs, wherever they are kept: what every store promises. Times are those of the clock that all processes share. */
import type { Message } from '../queue/message.ts'

export interface Claimed {
  readonly queue: string
  /** By which the store knows it. */
  readonly key: string
  readonly id: string
  readonly isNamed: boolean
  readonly body: string
  readonly attempt: number
}

export interface Jobs {
  /** Resolves when the store has it for certain. */
  add(queue: string, message: Message): Promise<void>
  /** Takes jobs that are due, of which nobody else hears until the lease is over. */
  claim(queue: string, count: number, leaseMs: number): Promise<readonly Claimed[]>
  /** The lease of all jobs of a queue that this process has. */
  renew(queue: string, leaseMs: number): Promise<void>
  /** False: the lease was over, and somebody else has it. */
  done(job: Claimed): Promise<boolean>
  retry(job: Claimed, delayMs: number): Promise<boolean>
  /** As `retry`, for an attempt that doesn't count: the worker itself could not be had. */
  putBack(job: Claimed, delayMs: number): Promise<boolean>
  giveUp(job: Claimed, deadLetters: string | undefined): Promise<boolean>
  /** In how many milliseconds the next job of each queue is due, or the lease of one is over; none for an empty one. */
  dueIn(queues: readonly string[]): Promise<ReadonlyMap<string, number>>
  waiting(queue: string): Promise<number>
  /** Puts back what this process has, as if it had not been tried. */
  release(): Promise<number>
  /** Forgets ids whose day is over. */
  forget(): Promise<void>
  /** Says when another process may have added something; at times for nothing, and never later than a second. Returns its end. */
  watch(changed: () => void): () => void
}

/** For how long the id of a job that has ended is known. */
export const REMEMBERED_MS = 86_400_000
