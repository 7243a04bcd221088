/** Tokens that somebody else signed with a private key, by jose: only units that name this hold it. */
import { createRemoteJWKSet, importJWK, jwtVerify, type JWK } from 'jose'
import type * as api from '../types/middleware.ts'

/** Never an HMAC: a public key must not be taken for a secret. */
const ALGORITHMS = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA']

/* @__NO_SIDE_EFFECTS__ */
export const publicKey: typeof api.publicKey = (key) => {
  const keys = typeof key === 'string' || key instanceof URL ? createRemoteJWKSet(new URL(key)) : undefined
  return async (token, { algorithms = ALGORITHMS, issuer, audience, clockTolerance }) => {
    const options = {
      algorithms: algorithms.filter((one) => ALGORITHMS.includes(one)),
      ...(issuer !== undefined && { issuer }), ...(audience !== undefined && { audience }),
      ...(clockTolerance !== undefined && { clockTolerance }),
    }
    const { payload } = keys ? await jwtVerify(token, keys, options) : await jwtVerify(token, await importJWK(key as JWK), options)
    return payload
  }
}
