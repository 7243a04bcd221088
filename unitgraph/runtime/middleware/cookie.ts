/** A session in a signed cookie, which another site can't make a browser send to change anything. */
import { ForbiddenError } from '../core/errors.ts'
import { seal, unseal } from '../core/text.ts'
import type * as api from '../types/middleware.ts'
import type { UserSession } from '../types/services.ts'
import type { HttpRequest } from '../types/wire.ts'

const PURPOSE = 'unitgraph-session-1'
const WEEK_S = 7 * 24 * 3600
const SAFE = new Set(['GET', 'HEAD', 'OPTIONS'])

interface Stored {
  session: UserSession
  expires: number
}

/** By Fetch Metadata, else by Origin; who sends neither is no browser, and carries no cookie unknowingly. */
const isForeign = (request: HttpRequest, trusted: readonly string[]): boolean => {
  const origin = request.header('origin')
  if (origin && trusted.includes(origin)) return false
  const site = request.header('sec-fetch-site')
  if (site) return site !== 'same-origin' && site !== 'none'
  // the host only: behind a proxy, the scheme that is seen here may be another
  return origin !== undefined && origin.replace(/^https?:\/\//, '') !== new URL(request.url).host
}

const isLocal = ({ protocol, hostname }: URL): boolean =>
  protocol === 'http:' && /^(localhost|127\.0\.0\.1|\[::1\])$/.test(hostname)

/* @__NO_SIDE_EFFECTS__ */
export const authCookie: typeof api.authCookie = (options = {}) => {
  const { name = 'session', secretId = 'SESSION_SECRET', maxAge = WEEK_S, cookie = {}, trustedOrigins = [] } = options
  return async ({ secrets }, wire, next) => {
    const { http } = wire
    if (!http) return next()
    const attributes = { secure: !isLocal(new URL(http.request.url)), sameSite: 'lax' as const, ...cookie, httpOnly: true }
    const token = http.request.cookie(name)
    const secret = await secrets.getSecret(secretId)
    const now = Date.now() / 1000
    const stored = token ? ((await unseal(PURPOSE, token, secret)) as Stored | undefined) : undefined
    const valid = stored && stored.expires > now ? stored : undefined
    if (valid && !wire.session) {
      if (!SAFE.has(http.method) && isForeign(http.request, trustedOrigins)) {
        throw new ForbiddenError('The request comes from another site')
      }
      await wire.setSession(valid.session)
    }
    const before = wire.session
    try {
      return await next()
    } finally {
      const after = wire.session
      const isOld = valid !== undefined && valid.expires - now < maxAge / 2
      if (after && (after !== before || (isOld && after === valid?.session))) {
        const sealed = await seal(PURPOSE, { session: after, expires: now + maxAge } satisfies Stored, secret)
        http.response.cookie(name, sealed, { ...attributes, maxAge })
      } else if (!after && token) {
        http.response.cookie(name, null, attributes)
      }
    }
  }
}
