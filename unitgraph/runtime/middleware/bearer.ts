/** A session from a JSON Web Token. */
import { jwtVerify, type JWTPayload, type JWTVerifyOptions } from 'jose'
import { InvalidSessionError } from '../core/errors.ts'
import { toBytes } from '../core/text.ts'
import type * as api from '../types/middleware.ts'
import type { UserSession } from '../types/services.ts'

const claimsAsSession = ({ sub, ...claims }: JWTPayload): UserSession =>
  ({ ...(sub !== undefined && { userId: sub }), ...claims }) as UserSession

/* @__NO_SIDE_EFFECTS__ */
export const authBearer: typeof api.authBearer = (options = {}) => {
  const { secretId = 'JWT_SECRET', key, session = claimsAsSession as never, ...checks } = options
  // HMAC only where the key is a secret: a public key must never be taken for one
  const verify: JWTVerifyOptions = { ...(key === undefined && { algorithms: ['HS256', 'HS384', 'HS512'] }), ...checks }
  return async (services, wire, next) => {
    const [scheme, token] = (wire.http?.request.header('authorization') ?? '').split(/ +/)
    if (wire.session || scheme?.toLowerCase() !== 'bearer' || !token) return next()
    const found = key ?? toBytes(await services.secrets.getSecret(secretId))
    const claims = await jwtVerify(token, found as never, verify).then(
      ({ payload }) => payload,
      (error: unknown) => {
        throw new InvalidSessionError('The token is not valid', { cause: error })
      },
    )
    const granted = await session(claims)
    if (granted) await wire.setSession(granted)
    return next()
  }
}
