/** How long an answer of a server may take. */
import { ServiceUnavailableError } from '../core/errors.ts'

export const CONNECT_MS = 5000
export const ANSWER_MS = 15_000
const STARTING_MS = 60_000
const AGAIN_MS = 200

/** A server that says that it is starting is waited for; https://www.postgresql.org/docs/current/errcodes-appendix.html */
const isStarting = (error: unknown): boolean => {
  const cause = (error instanceof ServiceUnavailableError ? error.cause : error) as { errno?: unknown; message?: string }
  return cause.errno === '57P03' || cause.message?.startsWith('LOADING ') === true
}

export const onceStarted = async <T>(work: () => Promise<T>): Promise<T> => {
  for (const until = Date.now() + STARTING_MS; ;) {
    try {
      return await work()
    } catch (error) {
      if (!isStarting(error) || Date.now() > until) throw error
      await new Promise((resolve) => setTimeout(resolve, AGAIN_MS))
    }
  }
}

/** What a caller hears, who can try again, of a server that can't be had at the moment; the log has the cause. */
export const unavailable = (cause: unknown): Error => new ServiceUnavailableError('The store can\'t be reached', { cause })

/** Fails when there is no answer in time; `late` puts away what can't be relied on any more. */
export const inTime = async <T>(work: Promise<T>, late: () => void, ms = ANSWER_MS): Promise<T> => {
  const over = Promise.withResolvers<never>()
  const timer = setTimeout(() => {
    late()
    over.reject(new Error(`No answer within ${ms} ms`))
  }, ms)
  try {
    return await Promise.race([work, over.promise])
  } finally {
    clearTimeout(timer)
  }
}
