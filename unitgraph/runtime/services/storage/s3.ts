/** Objects in a bucket of S3, or of what speaks its protocol, by Bun's own client. */
import { BadRequestError } from '../../core/errors.ts'
import type { ObjectBody, ObjectInfo } from '../../types/services.ts'
import { beyondTheEnd, cutTo, type Objects } from './index.ts'

interface Stat {
  readonly size: number
  readonly etag: string
  readonly lastModified: Date
  readonly type: string
}

interface S3File {
  stat(): Promise<Stat>
  write(body: unknown, options: { type: string }): Promise<number>
  slice(start: number, end: number): S3File
  stream(): ReadableStream<Uint8Array>
  delete(): Promise<void>
  presign(options: { method: string; expiresIn: number; type?: string }): string
}

interface Listed {
  readonly contents?: readonly { readonly key: string; readonly size: number; readonly eTag: string; readonly lastModified: string }[]
  readonly isTruncated?: boolean
  readonly nextContinuationToken?: string
}

interface Client {
  file(key: string): S3File
  list(options: object): Promise<Listed>
}

export interface Bucket {
  readonly bucket: string
  readonly endpoint?: string
  readonly region?: string
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken?: string
}

declare const Bun: { readonly S3Client: new (options: Bucket) => Client }

const plain = (etag: string): string => etag.replace(/^"|"$/g, '')
const isMissing = (error: unknown): boolean => ['NoSuchKey', 'NotFound', 'UnknownError404'].includes((error as { code?: string }).code ?? '')

const info = (key: string, { size, etag, lastModified, type }: Stat): ObjectInfo => ({
  key, size, etag: plain(etag), lastModified: new Date(lastModified), contentType: type || 'application/octet-stream',
})

export const objectsInBucket = (options: Bucket): Objects => {
  const client = new Bun.S3Client(options)
  const head = async (key: string): Promise<ObjectInfo | undefined> => {
    try {
      return info(key, await client.file(key).stat())
    } catch (error) {
      if (isMissing(error)) return undefined
      throw error
    }
  }
  return {
    head,
    write: async (key, body: ObjectBody, type) => {
      await client.file(key).write(body instanceof ReadableStream ? new Response(body) : body, { type })
      const written = await head(key)
      if (!written) throw new Error(`The object ${JSON.stringify(key)} was written and is not there`)
      return written
    },
    read: async (key, range) => {
      const found = await head(key)
      if (!found) return undefined
      const cut = cutTo(found.size, range)
      if (!cut) throw beyondTheEnd()
      const file = client.file(key)
      const isWhole = cut.start === 0 && cut.end === found.size
      return { info: found, body: (isWhole ? file : file.slice(cut.start, cut.end)).stream() }
    },
    delete: async (key) => {
      await client.file(key).delete()
    },
    list: async (prefix, limit, cursor) => {
      const page = await client.list({ prefix, maxKeys: limit, ...(cursor !== undefined && { continuationToken: cursor }) })
      const objects = (page.contents ?? []).map(({ key, size, eTag, lastModified }) => ({
        key, size, etag: plain(eTag), lastModified: new Date(lastModified),
      }))
      return { objects, ...(page.isTruncated && page.nextContinuationToken !== undefined && { cursor: page.nextContinuationToken }) }
    },
    sign: async (key, { method, seconds, contentType }) =>
      client.file(key).presign({ method, expiresIn: seconds, ...(contentType !== undefined && { type: contentType }) }),
  }
}

/** `s3://bucket?region=…&endpoint=…`; throws with what is wrong. */
export const readBucketUrl = (url: URL): Omit<Bucket, 'accessKeyId' | 'secretAccessKey'> => {
  const [region, endpoint] = [url.searchParams.get('region'), url.searchParams.get('endpoint')]
  if (!url.hostname || !/^\/?$/.test(url.pathname)) throw new BadRequestError('it names no bucket: s3://bucket?region=…&endpoint=…')
  return { bucket: url.hostname, ...(region && { region }), ...(endpoint && { endpoint }) }
}
