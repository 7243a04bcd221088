/** The service `jwt`, for units that take it: tokens signed with the secret `JWT_SECRET`. */
import { jwtVerify, SignJWT } from 'jose'
import { UnauthorizedError } from '../core/errors.ts'
import { toBytes } from '../core/text.ts'
import type { JWTService, SecretsService } from '../types/services.ts'

export const jwt = ({ secrets }: Readonly<Record<string, unknown>>): JWTService => {
  const key = async () => toBytes(await (secrets as SecretsService).getSecret('JWT_SECRET'))
  const decode = async <T>(token: string): Promise<T> => {
    const secret = await key()
    try {
      const { payload } = await jwtVerify(token, secret, { algorithms: ['HS256'] })
      return payload as T
    } catch (error) {
      throw new UnauthorizedError('The token is not valid', { cause: error })
    }
  }
  return {
    decode,
    verify: async (token) => void (await decode(token)),
    encode: async (expiresIn, claims) => {
      const expires = typeof expiresIn === 'number' ? `${expiresIn}s` : expiresIn.replace(/min$/, 'm')
      const token = new SignJWT({ ...claims }).setProtectedHeader({ alg: 'HS256' })
      return token.setIssuedAt().setExpirationTime(expires).sign(await key())
    },
  }
}
