/** A request's body: read once, up to a limit, and parsed by its content type. */
import { BadRequestError, PayloadTooLargeError, UnsupportedMediaTypeError } from '../core/errors.ts'
import { parseJson } from '../core/json.ts'
import { collect } from './fields.ts'

export const BODY_LIMIT = 1024 * 1024

/** All of it, but no more than `limit` bytes. */
export const readBytes = async (request: Request, limit: number): Promise<Uint8Array<ArrayBuffer>> => {
  const said = Number(request.headers.get('content-length') ?? NaN)
  let size = said > limit ? said : 0
  const chunks: Uint8Array<ArrayBuffer>[] = []
  try {
    // at once where its length is said, which whoever took it up to here has held it to
    if (said <= limit) {
      const whole = new Uint8Array(await request.arrayBuffer())
      if (whole.byteLength <= limit) return whole
      size = whole.byteLength
    }
    const reader = size ? undefined : request.body?.getReader()
    for (let read = await reader?.read(); read && !read.done; read = await reader?.read()) {
      size += read.value.byteLength
      if (size > limit) {
        await reader?.cancel()
        break
      }
      chunks.push(read.value)
    }
  } catch (cause) {
    // it ended too early, or wasn't sent as it was announced: nothing of ours is at fault
    throw new BadRequestError('The body could not be read', { cause })
  }
  if (size > limit) throw new PayloadTooLargeError(`The body is larger than ${limit} bytes`)
  return new Uint8Array(await new Blob(chunks).arrayBuffer())
}

const unsupported = (what: string) => new UnsupportedMediaTypeError(`${what} is not supported`)

/** Strict: what isn't the text that was meant must not be stored as if it were. */
const decoder = /* @__PURE__ */ new TextDecoder('utf-8', { fatal: true })

const textOf = (bytes: Uint8Array): string => {
  try {
    return decoder.decode(bytes)
  } catch {
    throw new BadRequestError('The body is not valid UTF-8')
  }
}

export interface Body {
  readonly value: unknown
  readonly isForm: boolean
}

/** Undefined where there is no body. A form's fields are texts (or files), as those of a query. */
export const parseBody = (bytes: Uint8Array<ArrayBuffer>, headers: Headers): Body | Promise<Body> | undefined => {
  if (bytes.byteLength === 0) return undefined
  const contentType = headers.get('content-type') ?? ''
  const encoding = headers.get('content-encoding')
  if (encoding && encoding.toLowerCase() !== 'identity') throw unsupported(`The content encoding ${encoding}`)
  const media = contentType.split(';', 1)[0]!.trim().toLowerCase()
  if (media === 'application/json' || media.endsWith('+json')) return { value: parseJson(textOf(bytes)), isForm: false }
  if (media === 'application/x-www-form-urlencoded') return { value: collect(new URLSearchParams(textOf(bytes))), isForm: true }
  if (media === 'multipart/form-data') return multipart(bytes, contentType)
  throw unsupported(`The content type ${media || '(none)'}`)
}

const multipart = async (bytes: Uint8Array<ArrayBuffer>, contentType: string): Promise<Body> => {
  try {
    const value = collect(await new Response(bytes, { headers: { 'content-type': contentType } }).formData())
    return { value, isForm: true }
  } catch (error) {
    throw new BadRequestError('The form could not be read', { cause: error })
  }
}
