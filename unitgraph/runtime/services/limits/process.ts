/** `rateLimits` in a process: in its memory, so each process counts for itself and a restart forgets. */
import type { RateLimits } from '../../types/services.ts'
import { take, type Bucket } from './bucket.ts'

/** Whoever comes under ever new keys pushes out those that were not used for the longest. */
const MOST = 100_000

export const createRateLimits = (now: () => number = Date.now): RateLimits => {
  const buckets = new Map<string, Bucket>()
  return {
    take: async (key, limit) => {
      const [bucket, state] = take(buckets.get(key), limit, now())
      buckets.delete(key)
      buckets.set(key, bucket)
      if (buckets.size > MOST) for (const oldest of buckets.keys()) {
        buckets.delete(oldest)
        break
      }
      return state
    },
  }
}

export const rateLimits = (): RateLimits => createRateLimits()
