/** That a change comes from this site's own pages: by where the browser says it comes from, and by a token. */
import { ForbiddenError } from '../core/errors.ts'
import { seal, unseal } from '../core/text.ts'
import { isForeign, isLocal, isSafe } from '../http/origin.ts'
import type * as api from '../types/middleware.ts'

const PURPOSE = 'unitgraph-csrf-1'

/* @__NO_SIDE_EFFECTS__ */
export const csrf: typeof api.csrf = ({ trustedOrigins = [] } = {}) =>
  (_services, { http }, next) => {
    if (http && !isSafe(http.request) && isForeign(http.request, trustedOrigins)) {
      throw new ForbiddenError('The request comes from another site')
    }
    return next()
  }

interface Token {
  /** Whose session it was made for; null: nobody's. */
  for: string | null
}

/* @__NO_SIDE_EFFECTS__ */
export const csrfToken: typeof api.csrfToken = (options = {}) => {
  const { secretId = 'SESSION_SECRET', cookie: name = 'csrf', header = 'x-csrf-token' } = options
  return async ({ secrets }, wire, next) => {
    const { http } = wire
    // who sends no cookie acts for nobody that a browser speaks for
    if (!http || (!isSafe(http.request) && http.request.header('cookie') === undefined)) return next()
    const secret = await secrets.getSecret(secretId)
    const given = http.request.cookie(name)
    const token = given ? ((await unseal(PURPOSE, given, secret)) as Token | undefined) : undefined
    const isOwn = (): boolean => token !== undefined && token.for === (wire.session?.userId ?? null)
    if (!isSafe(http.request) && !(isOwn() && http.request.header(header) === given)) {
      throw new ForbiddenError('The request has no valid token against forgery')
    }
    const result = await next()
    if (!isOwn()) {
      const made: Token & { id: string } = { for: wire.session?.userId ?? null, id: crypto.randomUUID() }
      // the page's script has to read it
      http.response.cookie(name, await seal(PURPOSE, made, secret), {
        secure: !isLocal(new URL(http.request.url)), sameSite: 'strict', httpOnly: false,
      })
    }
    return result
  }
}
