/** A token bucket: so many calls at once, and as many again over the window. Knows neither clock nor place. */
import type { RateLimit, RateLimitState } from '../../types/services.ts'

export interface Bucket {
  readonly tokens: number
  readonly atMs: number
}

/** Takes one token where there is one; what is there afterwards, and when it would be full again. */
export const take = (bucket: Bucket | undefined, { limit, windowMs }: RateLimit, nowMs: number): [Bucket, RateLimitState] => {
  const eachMs = windowMs / limit
  // a clock that was put back takes nothing away
  const passedMs = Math.max(0, nowMs - (bucket?.atMs ?? nowMs))
  const there = Math.min(limit, (bucket?.tokens ?? limit) + passedMs / eachMs)
  const allowed = there >= 1
  const tokens = allowed ? there - 1 : there
  const state: RateLimitState = {
    allowed, remaining: Math.floor(tokens), resetMs: Math.ceil((limit - tokens) * eachMs),
    retryAfterMs: allowed ? 0 : Math.ceil((1 - tokens) * eachMs),
  }
  return [{ tokens, atMs: nowMs }, state]
}
