/**
 * Signatures of webhooks: what is signed and where the signature stands, by scheme. Standard Webhooks
 * (https://www.standardwebhooks.com), and the headers of GitHub and Stripe. Knows no request's meaning.
 */
import { InternalServerError } from './errors.ts'
import { toBytes } from './text.ts'

type Bytes = Uint8Array<ArrayBuffer>

export interface Signed {
  /** Seconds; undefined where the scheme has none. */
  readonly at?: number
  /** What was signed, and the signatures that are given for it. */
  readonly content: Bytes
  readonly signatures: readonly Bytes[]
}

export interface Scheme {
  /** The secret's bytes. Throws where it can't be one. */
  key(secret: string): Bytes
  /** Undefined where a header is missing or malformed. */
  read(header: (name: string) => string | undefined, body: Bytes): Signed | undefined
}

const fromBase64 = (text: string): Bytes => Uint8Array.from(atob(text), (char) => char.charCodeAt(0))

/** Undefined where it is no hexadecimal text. */
const fromHex = (text: string): Bytes | undefined =>
  /^(?:[0-9a-f]{2})+$/i.test(text) ? Uint8Array.from(text.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16)) : undefined

const join = (head: string, body: Bytes): Bytes => {
  const start = toBytes(head)
  const whole = new Uint8Array(start.byteLength + body.byteLength)
  whole.set(start)
  whole.set(body, start.byteLength)
  return whole
}

const seconds = (text: string | undefined): number | undefined => (text && /^\d{1,12}$/.test(text) ? Number(text) : undefined)

const attempt = (decode: () => Bytes | undefined): Bytes[] => {
  try {
    const bytes = decode()
    return bytes ? [bytes] : []
  } catch {
    return []
  }
}

export const SCHEMES = {
  standard: {
    key: (secret) => {
      const [key] = attempt(() => fromBase64(secret.replace(/^whsec_/, '')))
      if (!key?.byteLength) throw new InternalServerError('The secret of a webhook is base64, mostly after "whsec_"')
      return key
    },
    read: (header, body) => {
      const [id, stamp, given] = ['webhook-id', 'webhook-timestamp', 'webhook-signature'].map(header)
      const at = seconds(stamp)
      if (!id || at === undefined || !given) return undefined
      const own = given.split(' ').filter((one) => one.startsWith('v1,'))
      return { at, content: join(`${id}.${stamp}.`, body), signatures: own.flatMap((one) => attempt(() => fromBase64(one.slice(3)))) }
    },
  },
  github: {
    key: toBytes,
    read: (header, body) => {
      const [scheme, hex = ''] = (header('x-hub-signature-256') ?? '').split('=')
      return scheme === 'sha256' ? { content: body, signatures: attempt(() => fromHex(hex)) } : undefined
    },
  },
  stripe: {
    key: toBytes,
    read: (header, body) => {
      const parts = (header('stripe-signature') ?? '').split(',').map((part) => part.trim().split('=') as [string, string?])
      const stamp = parts.find(([name]) => name === 't')?.[1]
      const at = seconds(stamp)
      if (at === undefined) return undefined
      const own = parts.filter(([name]) => name === 'v1')
      return { at, content: join(`${stamp}.`, body), signatures: own.flatMap(([, hex = '']) => attempt(() => fromHex(hex))) }
    },
  },
} satisfies Record<string, Scheme>

/** More signatures than this are tried for nobody. */
const MOST = 8

const keyOf = (bytes: Bytes): Promise<CryptoKey> =>
  crypto.subtle.importKey('raw', bytes, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign', 'verify'])

/** Whether one of the signatures is by one of the secrets. Each comparison takes its time whatever it compares. */
export const isSignedBy = async (scheme: Scheme, { content, signatures }: Signed, secrets: readonly string[]): Promise<boolean> => {
  for (const secret of secrets) {
    const key = await keyOf(scheme.key(secret))
    for (const signature of signatures.slice(0, MOST)) {
      if (await crypto.subtle.verify('HMAC', key, signature, content)) return true
    }
  }
  return false
}

/** The headers of Standard Webhooks; with several secrets, while one takes the place of another, a signature by each. */
export const sign = async (id: string, at: number, body: Bytes, secrets: readonly string[]): Promise<Record<string, string>> => {
  const content = join(`${id}.${at}.`, body)
  const made = await Promise.all(secrets.map(async (secret) => {
    const bytes = await crypto.subtle.sign('HMAC', await keyOf(SCHEMES.standard.key(secret)), content)
    return `v1,${btoa(String.fromCharCode(...new Uint8Array(bytes)))}`
  }))
  return { 'webhook-id': id, 'webhook-timestamp': String(at), 'webhook-signature': made.join(' ') }
}
