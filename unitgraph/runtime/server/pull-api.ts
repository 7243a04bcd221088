/**
 * Cloudflare Queues from elsewhere, over HTTP (https://developers.cloudflare.com/queues/configuration/pull-consumers/).
 * Knows requests and answers, not what is done with a message.
 */
import { keepSecret } from '../core/secrets.ts'
import { readText, type Environment } from '../core/environment.ts'
import { inGroups } from './groups.ts'
import { ANSWER_MS } from './patience.ts'

export interface Pulled {
  readonly id: string
  /** As a Worker would be given it: text, data, bytes. */
  readonly body: unknown
  readonly attempts: number
  readonly lease: string
}

export interface PullQueue {
  pull(most: number, leaseMs: number): Promise<readonly Pulled[]>
  ack(lease: string): Promise<void>
  retry(lease: string, delayS: number): Promise<void>
  send(body: unknown, delayS: number): Promise<void>
}

export interface Account {
  /** By its name in the account. Rejects where there is none. */
  queue(name: string): Promise<PullQueue>
}

export const ACCOUNT = 'CLOUDFLARE_ACCOUNT_ID'
export const TOKEN = 'CLOUDFLARE_QUEUES_TOKEN'
export const BASE = 'CLOUDFLARE_API_BASE_URL'
const API = 'https://api.cloudflare.com/client/v4'

/** The API takes 1,200 requests in five minutes; whoever asked for too much is told when to ask again. */
export class TooOften extends Error {
  override name = 'TooOften'
  readonly againMs: number

  constructor(seconds: number) {
    super('Cloudflare\'s API was asked too often')
    this.againMs = (Number.isFinite(seconds) && seconds > 0 ? seconds : 30) * 1000
  }
}

interface Message {
  readonly id: string
  readonly body: string
  readonly attempts: number
  readonly lease_id: string
  readonly metadata?: Readonly<Record<string, string>>
}
interface Settled {
  readonly lease: string
  /** Undefined: it is done. */
  readonly delayS: number | undefined
}

const ENCODED: Readonly<Record<string, (bytes: Uint8Array) => unknown>> = {
  json: (bytes) => JSON.parse(new TextDecoder().decode(bytes)) as unknown,
  bytes: (bytes) => bytes.buffer,
}

/** JSON and bytes come in base64, text as it is. What can't be read is left as it came, for the worker to refuse. */
const decoded = ({ body, metadata }: Message): unknown => {
  const type = metadata?.['CF-Content-Type'] ?? 'text'
  const decode = Object.hasOwn(ENCODED, type) ? ENCODED[type] : undefined
  try {
    return decode ? decode(Uint8Array.from(atob(body), (char) => char.charCodeAt(0))) : body
  } catch {
    return body
  }
}

const inBase64 = (bytes: ArrayBuffer): string => btoa(Array.from(new Uint8Array(bytes), (byte) => String.fromCharCode(byte)).join(''))

/** Throws with all that is missing. */
export const readAccount = (env: Environment): Account => {
  const [account, token] = [readText(env, ACCOUNT), readText(env, TOKEN)]
  const missing = [ACCOUNT, TOKEN].filter((name) => !readText(env, name))
  if (!account || !token) throw new Error(`Queues of Cloudflare are pulled from here, and ${missing.join(' and ')} ${missing.length > 1 ? 'are' : 'is'} not set`)
  keepSecret(token)
  const root = `${(readText(env, BASE) || API).replace(/\/$/, '')}/accounts/${encodeURIComponent(account)}/queues`

  const call = async <T>(method: string, path: string, body?: unknown): Promise<T> => {
    const response = await fetch(`${root}${path}`, {
      method, headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      ...(body !== undefined && { body: JSON.stringify(body) }), signal: AbortSignal.timeout(ANSWER_MS),
    })
    if (response.status === 429) throw new TooOften(Number(response.headers.get('retry-after')))
    const answer = (await response.json().catch(() => ({}))) as { success?: boolean; result?: T; errors?: { code: number; message: string }[] }
    if (response.ok && answer.success === true) return answer.result as T
    const why = (answer.errors ?? []).map(({ code, message }) => `${message} (${code})`).join('; ')
    throw new Error(`Cloudflare's API answered ${response.status} to ${method} ${path}${why && `: ${why}`}`)
  }

  const idOf = async (name: string): Promise<string> => {
    for (let page = 1; ; page += 1) {
      const found = await call<{ queue_id: string; queue_name: string }[]>('GET', `?page=${page}&per_page=100`)
      const queue = found.find(({ queue_name }) => queue_name === name)
      if (queue) return queue.queue_id
      if (found.length < 100) throw new Error(`The account has no queue ${name}`)
    }
  }

  return {
    queue: async (name) => {
      const path = `/${encodeURIComponent(await idOf(name))}/messages`
      const settle = inGroups(async (settled: readonly Settled[]) => {
        await call('POST', `${path}/ack`, {
          acks: settled.filter(({ delayS }) => delayS === undefined).map(({ lease }) => ({ lease_id: lease })),
          retries: settled.filter(({ delayS }) => delayS !== undefined).map(({ lease, delayS }) => ({ lease_id: lease, delay_seconds: delayS })),
        })
        return settled.map(() => undefined)
      }, { most: 100, atOnce: 1 })
      return {
        pull: async (most, leaseMs) => {
          const { messages } = await call<{ messages: Message[] }>('POST', `${path}/pull`, { batch_size: most, visibility_timeout_ms: leaseMs })
          return messages.map((message) => ({
            id: message.id, body: decoded(message), attempts: message.attempts, lease: message.lease_id,
          }))
        },
        ack: (lease) => settle({ lease, delayS: undefined }),
        retry: (lease, delayS) => settle({ lease, delayS }),
        send: async (body, delayS) => {
          const delay = delayS > 0 ? { delay_seconds: delayS } : {}
          // bytes can't be sent over HTTP as such
          const sent = typeof body === 'string' ? { body, content_type: 'text' }
            : body instanceof ArrayBuffer ? { body: inBase64(body), content_type: 'text' } : { body, content_type: 'json' }
          await call('POST', path, { ...sent, ...delay })
        },
      }
    },
  }
}
