/** `kv` in memory, for tests. */
import { toBytes } from '../../core/text.ts'
import { cursorAfter, keyBefore } from '../keys.ts'
import { createKeyValueStore } from './index.ts'

const byBytes = (a: string, b: string): number => {
  const [left, right] = [toBytes(a), toBytes(b)]
  for (let at = 0; at < Math.min(left.length, right.length); at += 1) {
    if (left[at] !== right[at]) return (left[at] ?? 0) - (right[at] ?? 0)
  }
  return left.length - right.length
}

export const createMemoryStore = () => {
  const kept = new Map<string, { text: string; untilMs: number }>()
  const live = (key: string): string | undefined => {
    const found = kept.get(key)
    if (!found || found.untilMs > Date.now()) return found?.text
    kept.delete(key)
    return undefined
  }
  return createKeyValueStore({
    get: async (key) => live(key),
    put: async (key, text, untilMs = Number.POSITIVE_INFINITY) => void kept.set(key, { text, untilMs }),
    delete: async (key) => void kept.delete(key),
    list: async (prefix, limit, cursor) => {
      const all = [...kept.keys()].filter((key) => key.startsWith(prefix) && live(key) !== undefined).sort(byBytes)
      const left = all.filter((key) => byBytes(key, keyBefore(cursor)) > 0)
      const keys = left.slice(0, limit)
      return { keys, cursor: left.length > limit ? cursorAfter(keys.at(-1) ?? '') : undefined }
    },
  })
}
