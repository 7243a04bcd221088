/** How many calls one caller may make (https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/). */
import { durationMs } from '../core/duration.ts'
import { TooManyRequestsError } from '../core/errors.ts'
import type * as api from '../types/middleware.ts'
import type { Wire } from '../types/wire.ts'

const byCaller = ({ session, http }: Wire): string | undefined => {
  if (session?.userId !== undefined) return `user ${session.userId}`
  return http?.request.ip === undefined ? undefined : `address ${http.request.ip}`
}

/* @__NO_SIDE_EFFECTS__ */
export const rateLimit: typeof api.rateLimit = ({ limit, window, key = byCaller, name = 'default' }) => {
  const windowMs = durationMs(window)
  if (!(Number.isInteger(limit) && limit > 0)) throw new RangeError(`rateLimit: ${limit} is no limit: write a whole number above 0`)
  if (!(windowMs >= 1000)) throw new RangeError(`rateLimit: ${window} is no window: write 1s or longer, such as 1m`)
  if (!/^[\w-]+$/.test(name)) throw new RangeError(`rateLimit: ${name} is no name: write letters, digits, - and _`)
  return async ({ rateLimits }, wire, next) => {
    const { http } = wire
    const caller = http?.method === 'OPTIONS' ? undefined : await key(wire)
    if (caller === undefined) return next()
    const state = await rateLimits.take(`${wire.function} ${name} ${caller}`, { limit, windowMs })
    const seconds = (ms: number): number => Math.ceil(ms / 1000)
    http?.response.header('ratelimit-policy', `"${name}";q=${limit};w=${seconds(windowMs)}`)
    http?.response.header('ratelimit', `"${name}";r=${state.remaining};t=${seconds(state.resetMs)}`)
    if (state.allowed) return next()
    http?.response.header('retry-after', String(seconds(state.retryAfterMs)))
    throw new TooManyRequestsError('Too many requests: try again later')
  }
}
