/** A session in a signed cookie, which another site can't make a browser send to change anything. */
import { ForbiddenError } from '../core/errors.ts'
import { seal, unseal } from '../core/text.ts'
import { isForeign, isLocal, isSafe } from '../http/origin.ts'
import type * as api from '../types/middleware.ts'
import type { UserSession } from '../types/services.ts'

const PURPOSE = 'unitgraph-session-1'
const DAY_S = 24 * 3600

interface Stored {
  session: UserSession
  expires: number
  /** When its user signed in. */
  since?: number
}

/* @__NO_SIDE_EFFECTS__ */
export const authCookie: typeof api.authCookie = (options = {}) => {
  const {
    name = 'session', secretId = 'SESSION_SECRET', previousSecretId, maxAge = 7 * DAY_S, lifetime = 30 * DAY_S, cookie = {},
    trustedOrigins = [], csrf = true,
  } = options
  return async ({ secrets }, wire, next) => {
    const { http } = wire
    if (!http) return next()
    const attributes = { secure: !isLocal(new URL(http.request.url)), sameSite: 'lax' as const, ...cookie, httpOnly: true }
    const token = http.request.cookie(name)
    const secret = await secrets.getSecret(secretId)
    const now = Date.now() / 1000
    const read = async (by: string): Promise<Stored | undefined> => (token ? ((await unseal(PURPOSE, token, by)) as Stored | undefined) : undefined)
    const own = await read(secret)
    const stored = own ?? (token && previousSecretId ? await read(await secrets.getSecret(previousSecretId)) : undefined)
    const since = stored?.since ?? now
    const valid = stored && stored.expires > now && since + lifetime > now ? stored : undefined
    if (valid && !wire.session) {
      // a page may open a channel of any site, and its browser sends that site's cookies along
      const opens = http.request.header('upgrade') !== undefined
      if ((opens || (csrf && !isSafe(http.request))) && isForeign(http.request, trustedOrigins)) {
        throw new ForbiddenError('The request comes from another site')
      }
      await wire.setSession(valid.session)
    }
    const before = wire.session
    try {
      return await next()
    } finally {
      const after = wire.session
      const isOld = valid !== undefined && (valid.expires - now < Math.min(maxAge, since + lifetime - now) / 2 || !own)
      if (after && (after !== before || (isOld && after === valid?.session))) {
        // another user signed in: another life begins
        const begun = valid && valid.session.userId === after.userId ? since : now
        const left = Math.floor(Math.min(maxAge, begun + lifetime - now))
        const sealed = await seal(PURPOSE, { session: after, expires: now + left, since: begun } satisfies Stored, secret)
        http.response.cookie(name, sealed, { ...attributes, maxAge: left })
      } else if (!after && token) {
        http.response.cookie(name, null, attributes)
      }
    }
  }
}
