/** `storage` in R2. A binding signs no addresses: those are for S3's side of R2, with keys of its own. */
import type { ObjectBody, ObjectInfo, ObjectStorage } from '../../types/services.ts'
import { bound, type Services } from '../bound.ts'
import { beyondTheEnd, createObjectStorage, cutTo, type Range } from './index.ts'

interface R2Object {
  readonly key: string
  readonly size: number
  readonly etag: string
  readonly uploaded: Date
  readonly httpMetadata?: { readonly contentType?: string }
  readonly body?: ReadableStream<Uint8Array>
}

interface Upload {
  uploadPart(number: number, bytes: Uint8Array): Promise<{ readonly partNumber: number; readonly etag: string }>
  complete(parts: readonly { partNumber: number; etag: string }[]): Promise<R2Object>
  abort(): Promise<void>
}

interface Bucket {
  put(key: string, body: unknown, options: object): Promise<R2Object>
  get(key: string, options?: object): Promise<R2Object | null>
  head(key: string): Promise<R2Object | null>
  delete(key: string): Promise<void>
  list(options: object): Promise<{ readonly objects: readonly R2Object[]; readonly truncated: boolean; readonly cursor?: string }>
  createMultipartUpload(key: string, options: object): Promise<Upload>
}

/** All parts of an upload but the last have the same size, of 5 MiB or more. */
const PART = 8 * 1024 * 1024

const entry = ({ key, size, etag, uploaded }: R2Object) => ({ key, size, etag, lastModified: uploaded })
const info = (object: R2Object): ObjectInfo => ({
  ...entry(object), contentType: object.httpMetadata?.contentType ?? 'application/octet-stream',
})

/** A stream in parts of one size; the last may be smaller. */
async function* parts(stream: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  let part = new Uint8Array(PART)
  let filled = 0
  for await (const chunk of stream) {
    for (let at = 0; at < chunk.length;) {
      const taken = chunk.subarray(at, at + PART - filled)
      part.set(taken, filled)
      filled += taken.length
      at += taken.length
      if (filled < PART) continue
      yield part
      part = new Uint8Array(PART)
      filled = 0
    }
  }
  if (filled > 0) yield part.subarray(0, filled)
}

/** R2 takes streams of a known length only: one that fits a part goes as bytes, a longer one in parts. */
const writeStream = async (bucket: Bucket, key: string, stream: ReadableStream<Uint8Array>, options: object): Promise<R2Object> => {
  const all = parts(stream)
  const first = await all.next()
  const second = first.done ? first : await all.next()
  if (second.done) return bucket.put(key, first.done ? new Uint8Array() : first.value, options)
  const upload = await bucket.createMultipartUpload(key, options)
  try {
    const done = [await upload.uploadPart(1, first.value as Uint8Array), await upload.uploadPart(2, second.value)]
    for await (const part of all) done.push(await upload.uploadPart(done.length + 1, part))
    return await upload.complete(done)
  } catch (error) {
    await upload.abort()
    throw error
  }
}

const read = async (bucket: Bucket, key: string, range: Range | undefined) => {
  if (range) {
    // R2 answers a range that begins after the end with an error of its own
    const head = await bucket.head(key)
    if (!head) return undefined
    if (!cutTo(head.size, range)) throw beyondTheEnd()
  }
  const found = await bucket.get(key, range && { range: { offset: range.offset, ...(range.length !== undefined && { length: range.length }) } })
  return found?.body ? { info: info(found), body: found.body } : undefined
}

export const storage = (binding: string) => (base: Services): ObjectStorage => {
  const bucket = bound<Bucket>(base, binding, 'createMultipartUpload')
  return createObjectStorage({
    write: async (key, body: ObjectBody, contentType) => {
      const options = { httpMetadata: { contentType } }
      return info(await (body instanceof ReadableStream ? writeStream(bucket, key, body, options) : bucket.put(key, body, options)))
    },
    read: (key, range) => read(bucket, key, range),
    head: async (key) => {
      const found = await bucket.head(key)
      return found ? info(found) : undefined
    },
    delete: (key) => bucket.delete(key),
    list: async (prefix, limit, cursor) => {
      const page = await bucket.list({ prefix, limit, ...(cursor !== undefined && { cursor }) })
      return { objects: page.objects.map(entry), ...(page.truncated && { cursor: page.cursor }) }
    },
  })
}
