/** `storage`: objects under keys, the same wherever they are kept. Knows what may be asked, not how a place keeps them. */
import { durationMs } from '../../core/duration.ts'
import { BadRequestError, NotImplementedError } from '../../core/errors.ts'
import type { ObjectBody, ObjectInfo, ObjectList, ObjectStorage, StoredObject } from '../../types/services.ts'
import { isKey, pageSize } from '../keys.ts'

/** Bytes of an object: from `offset`, so many or to its end. */
export interface Range {
  readonly offset: number
  readonly length: number | undefined
}

export interface Signing {
  readonly method: 'GET' | 'PUT'
  readonly seconds: number
  readonly contentType: string | undefined
}

export interface Found {
  readonly info: ObjectInfo
  readonly body: ReadableStream<Uint8Array>
}

/** What a place does. `read` gives undefined where there is no such object. */
export interface Objects {
  write(key: string, body: ObjectBody, contentType: string): Promise<ObjectInfo>
  read(key: string, range: Range | undefined): Promise<Found | undefined>
  head(key: string): Promise<ObjectInfo | undefined>
  delete(key: string): Promise<void>
  /** In the order of the keys' bytes. */
  list(prefix: string, limit: number, cursor: string | undefined): Promise<ObjectList>
  /** Where the place has an address of its own. */
  sign?(key: string, signing: Signing): Promise<string>
  close?(): void
}

const LONGEST_KEY = 1024
const MOST_OBJECTS = 1000
const LONGEST_S = 7 * 86_400
const BINARY = 'application/octet-stream'
const TEXT = 'text/plain; charset=utf-8'

const checked = (key: string): string => {
  // clients of S3 take a slash at the beginning away, and turn the other kind of slash round
  if (isKey(key, LONGEST_KEY) && !/^\/|\\/.test(key)) return key
  throw new BadRequestError(
    `A key is a text of 1 to ${LONGEST_KEY} bytes without control characters and \\, that doesn't begin with /, and neither . nor ..`,
  )
}

const isWhole = (value: number): boolean => Number.isInteger(value) && value >= 0

const rangeOf = (range: { offset?: number; length?: number } | undefined): Range | undefined => {
  if (!range) return undefined
  const { offset = 0, length } = range
  if (isWhole(offset) && (length === undefined || (isWhole(length) && length > 0))) return { offset, length }
  throw new BadRequestError('A range has an offset of 0 or more and, if it ends, a length of 1 or more')
}

const typeOf = (body: ObjectBody, given: string | undefined): string => {
  const type = given ?? (body instanceof Blob && body.type !== '' ? body.type : typeof body === 'string' ? TEXT : BINARY)
  if (/^[\w.+-]+\/[\w.+-]+(?:\s*;[\x20-\x7e]*)?$/.test(type)) return type
  throw new BadRequestError('A content type is a media type such as image/png')
}

const secondsOf = (expiresIn: number | string): number => {
  const seconds = Math.floor(durationMs(expiresIn) / 1000)
  if (seconds >= 1 && seconds <= LONGEST_S) return seconds
  throw new BadRequestError('A signed address is good for 1 second to 7 days: a number of milliseconds, or a duration such as 15m')
}

const stored = ({ info, body }: Found): StoredObject => {
  const answer = () => new Response(body)
  return {
    ...info, body,
    text: () => answer().text(), json: <T>() => answer().json() as Promise<T>,
    bytes: async () => new Uint8Array(await answer().arrayBuffer()),
  }
}

/** The part of an object that a range means; undefined where the object ends before it. */
export const cutTo = (size: number, range: Range | undefined): { start: number; end: number } | undefined => {
  const { offset, length } = range ?? { offset: 0, length: undefined }
  if (range && offset >= size) return undefined
  return { start: offset, end: length === undefined ? size : Math.min(size, offset + length) }
}

export const beyondTheEnd = (): Error => new BadRequestError('The range begins where the object has ended')

export const createObjectStorage = (objects: Objects): ObjectStorage & { close(): void } => ({
  put: async (key, body, { contentType } = {}) => objects.write(checked(key), body, typeOf(body, contentType)),
  get: async (key, { range } = {}) => {
    const found = await objects.read(checked(key), rangeOf(range))
    return found && stored(found)
  },
  head: async (key) => objects.head(checked(key)),
  delete: async (key) => objects.delete(checked(key)),
  list: async ({ prefix = '', limit = MOST_OBJECTS, cursor } = {}) =>
    objects.list(prefix === '' ? '' : checked(prefix), pageSize(limit, MOST_OBJECTS), cursor),
  signedUrl: async (key, { method = 'GET', expiresIn, contentType }) => {
    const signing = { method, seconds: secondsOf(expiresIn), contentType }
    const name = checked(key)
    if (!objects.sign) throw new NotImplementedError('This place of objects has no addresses of its own: answer the object by a route')
    return objects.sign(name, signing)
  },
  close: () => objects.close?.(),
})
