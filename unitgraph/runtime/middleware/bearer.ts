/** A session from a JSON Web Token. */
import { InvalidSessionError } from '../core/errors.ts'
import { verifyJwt, type Claims } from '../core/jwt.ts'
import type * as api from '../types/middleware.ts'
import type { UserSession } from '../types/services.ts'

const claimsAsSession = ({ sub, ...claims }: Claims): UserSession =>
  ({ ...(sub !== undefined && { userId: sub }), ...claims }) as UserSession

/* @__NO_SIDE_EFFECTS__ */
export const authBearer: typeof api.authBearer = (options = {}) => {
  const { secretId = 'JWT_SECRET', verify, session = claimsAsSession, ...checks } = options
  return async (services, wire, next) => {
    const [scheme, token] = (wire.http?.request.header('authorization') ?? wire.cli?.authorization ?? '').split(/ +/)
    if (wire.session || scheme?.toLowerCase() !== 'bearer' || !token) return next()
    // outside: a secret that is missing is our fault, not the token's
    const secret = verify ? '' : await services.secrets.getSecret(secretId)
    let claims: Claims
    try {
      claims = await (verify ? verify(token, checks) : verifyJwt(token, secret, checks))
    } catch (error) {
      throw new InvalidSessionError('The token is not valid', { cause: error })
    }
    const granted = await session(claims)
    if (granted) await wire.setSession(granted)
    return next()
  }
}
