/** `kv` in Workers KV. What was written is seen elsewhere within a minute, and one key takes one write a second. */
import { bound, type Services } from '../bound.ts'
import type { KeyValueStore } from '../../types/services.ts'
import { createKeyValueStore } from './index.ts'

interface Until {
  readonly untilMs?: number
}

interface Namespace {
  getWithMetadata(key: string): Promise<{ value: string | null; metadata: Until | null }>
  put(key: string, value: string, options: { expiration?: number; metadata?: Until }): Promise<void>
  delete(key: string): Promise<void>
  list(options: { prefix: string; limit: number; cursor?: string | undefined }): Promise<{
    readonly keys: readonly { readonly name: string; readonly metadata?: Until }[]
    readonly list_complete: boolean
    readonly cursor?: string
  }>
}

/** Workers KV forgets nothing sooner than a minute from now: what is over earlier says so itself. */
const SHORTEST_S = 60

const isOver = (metadata: Until | null | undefined): boolean => (metadata?.untilMs ?? Number.POSITIVE_INFINITY) <= Date.now()

export const kv = (binding: string) => (base: Services): KeyValueStore => {
  const namespace = bound<Namespace>(base, binding, 'getWithMetadata')
  return createKeyValueStore({
    get: async (key) => {
      const { value, metadata } = await namespace.getWithMetadata(key)
      return value === null || isOver(metadata) ? undefined : value
    },
    put: (key, text, untilMs) => {
      if (untilMs === undefined) return namespace.put(key, text, {})
      const expiration = Math.ceil(Math.max(untilMs, Date.now() + SHORTEST_S * 1000) / 1000) + 1
      return namespace.put(key, text, { expiration, metadata: { untilMs } })
    },
    delete: (key) => namespace.delete(key),
    list: async (prefix, limit, cursor) => {
      const page = await namespace.list({ prefix, limit, cursor })
      const keys = page.keys.filter(({ metadata }) => !isOver(metadata)).map(({ name }) => name)
      return { keys, cursor: page.list_complete ? undefined : page.cursor }
    },
  })
}
