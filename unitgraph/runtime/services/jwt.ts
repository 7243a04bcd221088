/** The service `jwt`, for units that take it: tokens signed with the secret `JWT_SECRET`. */
import { UnauthorizedError } from '../core/errors.ts'
import { signJwt, verifyJwt } from '../core/jwt.ts'
import type { JWTService, SecretsService } from '../types/services.ts'

const SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, min: 60, h: 3600, d: 86_400 }

const seconds = (duration: string | number): number => {
  const [, amount, unit] = /^(-?\d+)\s*(s|m|min|h|d)?$/.exec(String(duration)) ?? []
  if (amount === undefined) throw new RangeError(`${duration} is no duration: write seconds, or 30s, 5m, 2h, 7d`)
  return Number(amount) * (SECONDS[unit ?? 's'] ?? 1)
}

export const jwt = ({ secrets }: Readonly<Record<string, unknown>>): JWTService => {
  const secret = () => (secrets as SecretsService).getSecret('JWT_SECRET')
  const decode = async <T>(token: string): Promise<T> => {
    const key = await secret()
    try {
      return (await verifyJwt(token, key, { algorithms: ['HS256'] })) as T
    } catch (error) {
      throw new UnauthorizedError('The token is not valid', { cause: error })
    }
  }
  return {
    decode,
    verify: async (token) => void (await decode(token)),
    encode: async (expiresIn, claims) => signJwt(claims, await secret(), seconds(expiresIn)),
  }
}
