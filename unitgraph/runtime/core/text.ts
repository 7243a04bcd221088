/** Text to bytes and back, digests and signatures, by Web Crypto. */

const encoder = /* @__PURE__ */ new TextEncoder()

export const toBytes = (text: string): Uint8Array<ArrayBuffer> => encoder.encode(text)
export const toText = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)

export const toBase64Url = (bytes: Uint8Array): string => {
  let binary = ''
  for (const byte of bytes) binary += String.fromCharCode(byte)
  return btoa(binary).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '')
}

/** Of a text, in the plain alphabet. */
export const toBase64 = (text: string): string => {
  let binary = ''
  for (const byte of toBytes(text)) binary += String.fromCharCode(byte)
  return btoa(binary)
}

/** Throws where the text is not base64. */
export const fromBase64Url = (text: string): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(atob(text.replace(/-/g, '+').replace(/_/g, '/')), (char) => char.charCodeAt(0))

export const digest = async (bytes: Uint8Array<ArrayBuffer>): Promise<string> =>
  toBase64Url(new Uint8Array(await crypto.subtle.digest('SHA-256', bytes)))

const keys = /* @__PURE__ */ new Map<string, Promise<CryptoKey>>()

export const hmacKey = (secret: string, hash = 'SHA-256'): Promise<CryptoKey> => {
  const name = `${hash} ${secret}`
  let key = keys.get(name)
  if (!key) {
    key = crypto.subtle.importKey('raw', toBytes(secret), { name: 'HMAC', hash }, false, ['sign', 'verify'])
    keys.set(name, key)
  }
  return key
}

/** `payload.signature`, both base64url. `purpose` keeps a token for one use from being taken for another's. */
export const seal = async (purpose: string, value: unknown, secret: string): Promise<string> => {
  const payload = toBase64Url(toBytes(JSON.stringify(value)))
  const signature = await crypto.subtle.sign('HMAC', await hmacKey(secret), toBytes(`${purpose}.${payload}`))
  return `${payload}.${toBase64Url(new Uint8Array(signature))}`
}

/** The value, or undefined where the token is malformed or signed by somebody else. Compares in constant time. */
export const unseal = async (purpose: string, token: string, secret: string): Promise<unknown> => {
  try {
    const dot = token.lastIndexOf('.')
    const payload = token.slice(0, dot)
    const signature = fromBase64Url(token.slice(dot + 1))
    const good = await crypto.subtle.verify('HMAC', await hmacKey(secret), signature, toBytes(`${purpose}.${payload}`))
    return good ? JSON.parse(toText(fromBase64Url(payload))) : undefined
  } catch {
    return undefined
  }
}
