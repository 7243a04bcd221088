/** A request's body: read once, up to a limit, and parsed by its content type. */
import { BadRequestError, PayloadTooLargeError, UnsupportedMediaTypeError } from '../core/errors.ts'
import { parseJson } from '../core/json.ts'
import { collect, type Fields } from './fields.ts'

export const BODY_LIMIT = 1024 * 1024

export const readBytes = async (request: Request, limit: number): Promise<Uint8Array<ArrayBuffer>> => {
  const tooLarge = () => new PayloadTooLargeError(`The body is larger than ${limit} bytes`)
  if (Number(request.headers.get('content-length')) > limit) throw tooLarge()
  // it ended too early, or wasn't sent as it was announced: nothing of ours is at fault
  const broken = (cause: unknown): never => {
    throw new BadRequestError('The body could not be read', { cause })
  }
  // whoever took it up to here has held it to its length
  if (request.headers.has('content-length')) {
    const whole = new Uint8Array(await request.arrayBuffer().catch(broken))
    if (whole.byteLength > limit) throw tooLarge()
    return whole
  }
  const chunks: Uint8Array<ArrayBuffer>[] = []
  let size = 0
  if (request.body) {
    const reader = request.body.getReader()
    const next = () => reader.read().catch(broken)
    for (let read = await next(); !read.done; read = await next()) {
      size += read.value.byteLength
      if (size > limit) {
        await reader.cancel()
        throw tooLarge()
      }
      chunks.push(read.value)
    }
  }
  return new Uint8Array(await new Blob(chunks).arrayBuffer())
}

const unsupported = (what: string) => new UnsupportedMediaTypeError(`${what} is not supported`)

/** Strict: what isn't the text that was meant must not be stored as if it were. */
const textOf = (bytes: Uint8Array): string => {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw new BadRequestError('The body is not valid UTF-8')
  }
}

/** Undefined where there is no body. A form's fields are texts (or files), as those of a query. */
export const parseBody = async (
  bytes: Uint8Array<ArrayBuffer>, header: (name: string) => string | undefined,
): Promise<{ value: unknown; isForm: boolean } | undefined> => {
  if (bytes.byteLength === 0) return undefined
  const contentType = header('content-type') ?? ''
  const encoding = header('content-encoding') ?? 'identity'
  if (encoding.toLowerCase() !== 'identity') throw unsupported(`The content encoding ${encoding}`)
  const [type = ''] = contentType.toLowerCase().split(';')
  const media = type.trim()
  if (media === 'application/json' || media.endsWith('+json')) return { value: parseJson(textOf(bytes)), isForm: false }
  if (media === 'application/x-www-form-urlencoded') return { value: collect(new URLSearchParams(textOf(bytes))), isForm: true }
  if (media === 'multipart/form-data') return { value: await multipart(bytes, contentType), isForm: true }
  throw unsupported(`The content type ${media || '(none)'}`)
}

const multipart = async (bytes: Uint8Array<ArrayBuffer>, contentType: string): Promise<Fields> => {
  try {
    return collect(await new Response(bytes, { headers: { 'content-type': contentType } }).formData())
  } catch (error) {
    throw new BadRequestError('The form could not be read', { cause: error })
  }
}
