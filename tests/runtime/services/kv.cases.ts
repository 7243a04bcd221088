/** What every place of `kv` does. Keys of a case begin with its own name. */
import type { KeyValueStore } from '#pikku/services'
import { refused, same, type Cases } from './check.js'

/** Every key there is, by pages of `limit`. */
const all = async (kv: KeyValueStore, prefix: string, limit: number): Promise<string[]> => {
  const found: string[] = []
  let cursor: string | undefined
  do {
    const page = await kv.list({ prefix, limit, cursor })
    found.push(...page.keys)
    cursor = page.cursor
  } while (cursor !== undefined)
  return found
}

/** Keys that are at home in no file system. */
export const HOSTILE = [
  '../../etc/passwd', '/etc/passwd', 'a/../../b', 'C:\\windows', '%2e%2e%2f', '~', 'a//b', '.hidden', 'con', '%00', '{}', '__proto__',
  'constructor', 'ünïcødé 🙂', ' space ', "'; DROP TABLE kv; --", '*', 'a?b=c#d', '<script>',
]

export const kvCases: Cases<KeyValueStore> = {
  'what was put is what is got': async (kv) => {
    const values = [null, true, 0, 'text', '', [1, [2]], { a: { b: 'c' } }, new Date(5), 12345678901234567890n, Uint8Array.of(0, 255), new Map([['k', 1]]), new Set([1])]
    for (const [index, value] of values.entries()) {
      await kv.put(`same/${index}`, value)
      const found = await kv.get(`same/${index}`)
      same(found, value)
      same(Object.prototype.toString.call(found), Object.prototype.toString.call(value))
    }
  },
  'what was never put is undefined': async (kv) => same(await kv.get('never'), undefined),
  'a later put replaces': async (kv) => {
    await kv.put('replaced', 1, { ttl: '1h' })
    await kv.put('replaced', 2)
    same(await kv.get('replaced'), 2)
  },
  'what was deleted is gone, and deleting it again is no error': async (kv) => {
    await kv.put('deleted', 1)
    await kv.delete('deleted')
    await kv.delete('deleted')
    same(await kv.get('deleted'), undefined)
    same(await all(kv, 'deleted', 10), [])
  },
  'a ttl ends': async (kv) => {
    await kv.put('brief', 1, { ttl: 1 })
    await kv.put('long', 1, { ttl: '1d' })
    await new Promise((resolve) => setTimeout(resolve, 20))
    same([await kv.get('brief'), await kv.get('long')], [undefined, 1])
    same([await all(kv, 'brief', 10), await all(kv, 'long', 10)], [[], ['long']])
  },
  'lists are in order of bytes, by pages': async (kv) => {
    const names = ['b', 'a', 'Z', 'é', '🙂', '￿', 'a/b', 'aa', '1']
    for (const name of names) await kv.put(`list/${name}`, name)
    const sorted = ['1', 'Z', 'a', 'a/b', 'aa', 'b', 'é', '￿', '🙂'].map((name) => `list/${name}`)
    same(await all(kv, 'list/', 1000), sorted)
    same(await all(kv, 'list/', 2), sorted)
    same(await all(kv, 'list/a', 10), ['list/a', 'list/a/b', 'list/aa'])
  },
  'a prefix is no pattern': async (kv) => {
    await kv.put('pre_fix%', 1)
    await kv.put('preXfixY', 1)
    same(await all(kv, 'pre_', 10), ['pre_fix%'])
  },
  'hostile keys are keys like others': async (kv) => {
    for (const key of HOSTILE) await kv.put(key, key)
    for (const key of HOSTILE) same(await kv.get(key), key)
    const listed = new Set(await all(kv, '', 1000))
    same(HOSTILE.filter((key) => !listed.has(key)), [])
    for (const key of HOSTILE) await kv.delete(key)
    same(await kv.get(HOSTILE[0]!), undefined)
  },
  'what is no key is refused': async (kv) => {
    for (const key of ['', '.', '..', 'x'.repeat(513), 'é'.repeat(257), 'line\nbreak', 'nul\0', '\ud800', 5 as never]) {
      same(await refused(() => kv.put(key, 1)), 400)
      same(await refused(() => kv.get(key)), 400)
    }
    await kv.put('x'.repeat(512), 1)
    same(await kv.get('x'.repeat(512)), 1)
  },
  'options that say nothing are refused': async (kv) => {
    for (const ttl of [0, -1, Number.NaN, 'soon', Number.POSITIVE_INFINITY]) same(await refused(() => kv.put('odd', 1, { ttl })), 400)
    for (const limit of [0, 1001, 1.5]) same(await refused(() => kv.list({ limit })), 400)
  },
  'values that are none, or too large': async (kv) => {
    same(await refused(() => kv.put('none', undefined)), 400)
    same(await refused(() => kv.put('none', () => 1)), 400)
    same(await refused(() => kv.put('large', 'x'.repeat(25 * 1024 * 1024))), 413)
    const million = 'y'.repeat(1_000_000)
    await kv.put('million', million)
    same((await kv.get<string>('million'))?.length, million.length)
  },
  'puts beside each other': async (kv) => {
    await Promise.all(Array.from({ length: 50 }, (_, index) => kv.put(`beside/${String(index).padStart(2, '0')}`, index)))
    same((await all(kv, 'beside/', 7)).length, 50)
  },
}
