/**
 * JSON Web Tokens (RFC 7519) signed with a secret: the three HMAC algorithms and nothing else, so that no header can
 * choose another. Tokens signed with a private key are `middleware/public-key.ts`'.
 */
import { keepSecret } from './secrets.ts'
import { fromBase64Url, hmacKey, toBase64Url, toBytes, toText } from './text.ts'

export type Claims = Record<string, unknown>

export interface Checks {
  readonly issuer?: string | readonly string[]
  readonly audience?: string | readonly string[]
  readonly algorithms?: readonly string[]
  /** Seconds that clocks may differ. */
  readonly clockTolerance?: number
}

const HASHES: Readonly<Record<string, string>> = { HS256: 'SHA-256', HS384: 'SHA-384', HS512: 'SHA-512' }

interface Key {
  readonly kid?: string
  readonly secret: string
}

const isKey = (value: unknown): value is Required<Key> => {
  const { kid, secret } = (value ?? {}) as Key
  return typeof kid === 'string' && typeof secret === 'string' && secret !== ''
}

/** A secret is one key, or a list of them as JSON, `[{ "kid", "secret" }]`: the first signs, all are believed. */
const keysOf = (text: string): readonly Key[] => {
  if (!text.startsWith('[')) return [{ secret: text }]
  let found: unknown
  try {
    found = JSON.parse(text)
  } catch {
    return [{ secret: text }]
  }
  if (!Array.isArray(found) || found.length === 0 || !found.every(isKey)) throw new Error('The list of keys holds something that is none')
  for (const { secret } of found) keepSecret(secret)
  return found
}

const parse = (part: string): Claims => {
  const value: unknown = JSON.parse(toText(fromBase64Url(part)))
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error('A part is no object')
  return value as Claims
}

const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [value])

/** The claims; throws where anything is wrong, with a text for the log. */
export const verifyJwt = async (token: string, secret: string, checks: Checks = {}): Promise<Claims> => {
  const [head = '', body = '', signature = '', ...more] = token.split('.')
  const { alg, crit, kid } = parse(head)
  const hash = typeof alg === 'string' && Object.hasOwn(HASHES, alg) ? HASHES[alg] : undefined
  if (more.length > 0 || crit !== undefined) throw new Error('The token has another form than ours')
  if (!hash || (checks.algorithms && !checks.algorithms.includes(String(alg)))) throw new Error(`The algorithm ${alg} is not allowed`)
  let isOurs = false
  for (const key of keysOf(secret)) {
    // a token that names a key is held to it; one from before keys had names may be any one's
    if (isOurs || (kid !== undefined && key.kid !== undefined && kid !== key.kid)) continue
    isOurs = await crypto.subtle.verify('HMAC', await hmacKey(key.secret, hash), fromBase64Url(signature), toBytes(`${head}.${body}`))
  }
  if (!isOurs) throw new Error('The signature is not ours')
  const claims = parse(body)
  const { exp, nbf, iss, aud } = claims
  const now = Date.now() / 1000
  const tolerance = checks.clockTolerance ?? 0
  if (exp !== undefined && !(typeof exp === 'number' && exp > now - tolerance)) throw new Error('The token has expired')
  if (nbf !== undefined && !(typeof nbf === 'number' && nbf <= now + tolerance)) throw new Error('The token is not valid yet')
  if (checks.issuer !== undefined && !list(checks.issuer).includes(iss)) throw new Error('The token is from another issuer')
  if (checks.audience !== undefined && !list(aud).some((one) => list(checks.audience).includes(one))) {
    throw new Error('The token is for another audience')
  }
  return claims
}

export const signJwt = async (claims: object, secret: string, expiresInS: number): Promise<string> => {
  const now = Math.floor(Date.now() / 1000)
  const encode = (value: object): string => toBase64Url(toBytes(JSON.stringify(value)))
  const [key] = keysOf(secret) as [Key]
  const signed = `${encode({ alg: 'HS256', kid: key.kid })}.${encode({ ...claims, iat: now, exp: now + expiresInS })}`
  const signature = await crypto.subtle.sign('HMAC', await hmacKey(key.secret), toBytes(signed))
  return `${signed}.${toBase64Url(new Uint8Array(signature))}`
}
