/** What every place of `storage` does. Keys of a case begin with its own name. */
import type { ObjectStorage } from '#pikku/services'
import { refused, same, type Cases } from './check.js'
import { HOSTILE } from './kv.cases.js'

/** Of those, what storage takes: see the keys that it refuses. */
const KEYS = HOSTILE.filter((key) => !/^\/|\\/.test(key))

/** Some clients add a charset to the types of texts. */
const media = (type: string | undefined): string | undefined => type?.replace(/;.*/, '')

const all = async (storage: ObjectStorage, prefix: string, limit: number): Promise<string[]> => {
  const found: string[] = []
  let cursor: string | undefined
  do {
    const page = await storage.list({ prefix, limit, cursor })
    found.push(...page.objects.map(({ key }) => key))
    cursor = page.cursor
  } while (cursor !== undefined)
  return found
}

/** `count` chunks of `size` bytes, each another byte. */
const streamed = (count: number, size: number, failsAt = -1): ReadableStream<Uint8Array> => {
  let number = 0
  return new ReadableStream({
    pull: (controller) => {
      if (number === failsAt) return controller.error(new Error('the source broke'))
      if (number === count) return controller.close()
      controller.enqueue(new Uint8Array(size).fill(number % 251))
      number += 1
    },
  })
}

export const storageCases: Cases<ObjectStorage> = {
  'what was put is what is got, of each kind': async (storage) => {
    const bytes = Uint8Array.from({ length: 300 }, (_, index) => index % 256)
    await storage.put('kinds/bytes', bytes)
    await storage.put('kinds/buffer', bytes.buffer)
    await storage.put('kinds/blob', new Blob([bytes], { type: 'image/png' }))
    await storage.put('kinds/stream', new Response(bytes).body!)
    for (const key of ['bytes', 'buffer', 'blob', 'stream']) same(await (await storage.get(`kinds/${key}`))?.bytes(), bytes)
    await storage.put('kinds/text', 'grüße')
    same(await (await storage.get('kinds/text'))?.text(), 'grüße')
    await storage.put('kinds/json', JSON.stringify({ a: 1 }), { contentType: 'application/json' })
    same(await (await storage.get('kinds/json'))?.json(), { a: 1 })
    same(media((await storage.head('kinds/blob'))?.contentType), 'image/png')
    same(media((await storage.head('kinds/json'))?.contentType), 'application/json')
    same(media((await storage.head('kinds/bytes'))?.contentType), 'application/octet-stream')
  },
  'an object of no bytes': async (storage) => {
    same((await storage.put('empty', '')).size, 0)
    same(await (await storage.get('empty'))?.text(), '')
    same((await storage.put('empty', streamed(0, 0))).size, 0)
    same((await (await storage.get('empty'))?.bytes())?.length, 0)
  },
  'put, head, get and list say the same': async (storage) => {
    const before = Date.now() - 5000
    const put = await storage.put('info', 'hello', { contentType: 'text/css' })
    const { key, size, etag, contentType, lastModified } = put
    same({ key, size, contentType: media(contentType), hasEtag: /^[^"]+$/.test(etag) }, { key: 'info', size: 5, contentType: 'text/css', hasEtag: true })
    same(lastModified.getTime() > before && lastModified.getTime() < Date.now() + 5000, true)
    same((await storage.head('info'))?.etag, etag)
    const got = await storage.get('info')
    same([got?.etag, got?.size, media(got?.contentType), await got?.text()], [etag, 5, 'text/css', 'hello'])
    const [listed] = (await storage.list({ prefix: 'info' })).objects
    same([listed?.key, listed?.size, listed?.etag], ['info', 5, etag])
  },
  'another content has another etag, the same one the same': async (storage) => {
    const first = await storage.put('etag', 'one')
    const second = await storage.put('etag', 'two')
    const third = await storage.put('etag', 'one')
    same([first.etag === second.etag, first.etag === third.etag], [false, true])
  },
  'what is not there': async (storage) => {
    same([await storage.get('nothing'), await storage.head('nothing')], [undefined, undefined])
    same(await storage.get('nothing', { range: { offset: 3 } }), undefined)
    await storage.delete('nothing')
    await storage.put('gone', 'x')
    await storage.delete('gone')
    same([await storage.get('gone'), await all(storage, 'gone', 10)], [undefined, []])
  },
  'ranges': async (storage) => {
    await storage.put('range', '0123456789')
    const part = async (offset?: number, length?: number) =>
      (await storage.get('range', { range: { ...(offset !== undefined && { offset }), ...(length !== undefined && { length }) } }))?.text()
    same([await part(2, 3), await part(7), await part(undefined, 2), await part(8, 100), await part(0)], ['234', '789', '01', '89', '0123456789'])
    same((await storage.get('range', { range: { offset: 2, length: 3 } }))?.size, 10)
    for (const range of [{ offset: 10 }, { offset: -1 }, { offset: 1.5 }, { length: 0 }, { length: -2 }]) {
      same(await refused(() => storage.get('range', { range })), 400)
    }
  },
  'a stream of many chunks': async (storage) => {
    const { size } = await storage.put('stream', streamed(300, 65_536))
    same(size, 300 * 65_536)
    const found = await storage.get('stream')
    let at = 0
    let isSame = true
    for await (const chunk of found!.body) {
      for (let index = 0; index < chunk.length; index += 997) isSame &&= chunk[index] === Math.floor((at + index) / 65_536) % 251
      at += chunk.length
    }
    same([at, isSame], [size, true])
    const range = await (await storage.get('stream', { range: { offset: 65_536 * 200 - 1, length: 2 } }))?.bytes()
    same(range, Uint8Array.of(199, 200))
  },
  'a stream that breaks puts nothing, and leaves what was there': async (storage) => {
    await storage.put('broken', 'before')
    await refused(() => storage.put('broken', streamed(10, 1000, 5)))
    await refused(() => storage.put('broken/new', streamed(300, 65_536, 250)))
    same(await (await storage.get('broken'))?.text(), 'before')
    same(await storage.head('broken/new'), undefined)
  },
  'a body that is being read stays what it was': async (storage) => {
    await storage.put('replaced', 'a'.repeat(2_000_000))
    const reader = (await storage.get('replaced'))!.body.getReader()
    const first = await reader.read()
    await storage.put('replaced', 'b'.repeat(2_000_000))
    const last = await reader.read()
    same([first.value?.[0], last.value?.[0] === 97 || last.done], [97, true])
    await reader.cancel()
    same((await (await storage.get('replaced', { range: { length: 1 } }))?.text()), 'b')
  },
  'lists are in order of bytes, by pages': async (storage) => {
    for (const name of ['b', 'a', 'Z', 'é', '🙂', 'a/b', 'aa', '1']) await storage.put(`list/${name}`, name)
    const sorted = ['1', 'Z', 'a', 'a/b', 'aa', 'b', 'é', '🙂'].map((name) => `list/${name}`)
    same(await all(storage, 'list/', 1000), sorted)
    same(await all(storage, 'list/', 3), sorted)
    same(await all(storage, 'list/a', 1), ['list/a', 'list/a/b', 'list/aa'])
  },
  'hostile keys are keys like others': async (storage) => {
    for (const key of KEYS) await storage.put(key, key)
    for (const key of KEYS) same([key, await (await storage.get(key))?.text()], [key, key])
    const listed = new Set(await all(storage, '', 1000))
    same(KEYS.filter((key) => !listed.has(key)), [])
    for (const key of KEYS) await storage.delete(key)
    same(await storage.head(KEYS[0]!), undefined)
  },
  'what is no key, no type or no limit is refused': async (storage) => {
    for (const key of ['', '.', '..', 'x'.repeat(1025), 'line\nbreak', 'nul\0', '\ud800', '/etc/passwd', '//x', 'a\\b', 5 as never]) {
      same(await refused(() => storage.put(key, 'x')), 400)
      same(await refused(() => storage.get(key)), 400)
    }
    for (const contentType of ['', 'text', 'text/html\r\nx-evil: 1', 'a/b; \u{1f642}']) {
      same([contentType, await refused(() => storage.put('type', 'x', { contentType }))], [contentType, 400])
    }
    for (const limit of [0, 1001, 1.5]) same(await refused(() => storage.list({ limit })), 400)
    same(await refused(() => storage.signedUrl('x', { expiresIn: '8d' })), 400)
  },
}

/** Where a place has addresses of its own. */
export const signedCases: Cases<ObjectStorage> = {
  'a signed address gets and puts for whoever has it': async (storage) => {
    await storage.put('signed/a b.txt', 'by the key', { contentType: 'text/plain' })
    const got = await fetch(await storage.signedUrl('signed/a b.txt', { expiresIn: '5m' }))
    same([got.status, await got.text()], [200, 'by the key'])
    const url = await storage.signedUrl('signed/new', { method: 'PUT', expiresIn: '5m' })
    same((await fetch(url, { method: 'PUT', body: 'from outside' })).status, 200)
    same(await (await storage.get('signed/new'))?.text(), 'from outside')
  },
}

export const unsignedCases: Cases<ObjectStorage> = {
  'an address of its own is what this place has not': async (storage) => same(await refused(() => storage.signedUrl('x', { expiresIn: '5m' })), 501),
}
