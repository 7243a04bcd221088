/** Requests that somebody else's server signed: those that weren't, or that are old, go no further. */
import { durationMs } from '../core/duration.ts'
import { UnauthorizedError } from '../core/errors.ts'
import { isSignedBy, SCHEMES, type Scheme } from '../core/webhook.ts'
import type * as api from '../types/middleware.ts'

/* @__NO_SIDE_EFFECTS__ */
export const signedWebhook: typeof api.signedWebhook = ({ scheme = 'standard', secretId, previousSecretId, tolerance = '5m' }) => {
  const how: Scheme = SCHEMES[scheme]
  const withinMs = durationMs(tolerance)
  if (!how || !(withinMs > 0)) throw new Error(`signedWebhook knows no scheme ${scheme}, or no time ${tolerance}`)
  return async ({ secrets }, { http }, next) => {
    // called by another function, or from a queue, it is no webhook
    if (!http) return next()
    const own = [await secrets.getSecret(secretId), ...(previousSecretId ? [await secrets.getSecret(previousSecretId)] : [])]
    const signed = how.read((name) => http.request.header(name), await http.request.bytes())
    if (!signed || !(await isSignedBy(how, signed, own))) throw new UnauthorizedError('The signature is not valid')
    // looked at last: whoever can't sign learns nothing of clocks
    if (signed.at !== undefined && Math.abs(Date.now() - signed.at * 1000) > withinMs) {
      throw new UnauthorizedError('The signature is too old, or from the future')
    }
    return next()
  }
}
