/** `kv`: values under keys, the same wherever they are kept. Knows what may be kept, not how a place keeps it. */
import { durationMs } from '../../core/duration.ts'
import { BadRequestError, PayloadTooLargeError } from '../../core/errors.ts'
import { pack, unpack } from '../../core/json.ts'
import { toBytes } from '../../core/text.ts'
import { isKey, pageSize } from '../keys.ts'
import type { KeyValueStore } from '../../types/services.ts'

/** What a place keeps: text, until a time where there is one. What is over is as if it were not there. */
export interface Kept {
  get(key: string): Promise<string | undefined>
  put(key: string, text: string, untilMs: number | undefined): Promise<void>
  delete(key: string): Promise<void>
  /** In the order of the keys' bytes. `cursor` is what the last call gave. */
  list(prefix: string, limit: number, cursor: string | undefined): Promise<{ keys: readonly string[]; cursor?: string | undefined }>
  close?(): void
}

/** What Workers KV takes. */
const LONGEST_KEY = 512
const LARGEST_VALUE = 25 * 1024 * 1024
const MOST_KEYS = 1000

const checked = (key: string): string => {
  if (isKey(key, LONGEST_KEY)) return key
  throw new BadRequestError(`A key is a text of 1 to ${LONGEST_KEY} bytes without control characters, and neither . nor ..`)
}

const written = (value: unknown): string => {
  const text = pack(value) as string | undefined
  if (text === undefined) throw new BadRequestError('A value is what JSON can hold, a date, bigint, bytes, map or set')
  const size = toBytes(text).length
  if (size > LARGEST_VALUE) throw new PayloadTooLargeError(`A value may have ${LARGEST_VALUE} bytes, this one has ${size}`)
  return text
}

const until = (ttl: number | string | undefined): number | undefined => {
  if (ttl === undefined) return undefined
  const ms = durationMs(ttl)
  if (!(ms > 0 && Number.isFinite(ms))) throw new BadRequestError('A ttl is a number of milliseconds above 0, or a duration such as 30s or 7d')
  return Date.now() + ms
}

export const createKeyValueStore = (kept: Kept): KeyValueStore & { close(): void } => ({
  get: async <T>(key: string) => {
    const text = await kept.get(checked(key))
    return (text === undefined ? undefined : unpack(text)) as T | undefined
  },
  put: async (key, value, { ttl } = {}) => kept.put(checked(key), written(value), until(ttl)),
  delete: async (key) => kept.delete(checked(key)),
  list: async ({ prefix = '', limit = MOST_KEYS, cursor } = {}) => {
    const found = await kept.list(prefix === '' ? '' : checked(prefix), pageSize(limit, MOST_KEYS), cursor)
    return { keys: found.keys, ...(found.cursor !== undefined && { cursor: found.cursor }) }
  },
  close: () => kept.close?.(),
})
