/** A request's body: read once, up to a limit, and parsed by its content type. */
import { BadRequestError, PayloadTooLargeError, UnsupportedMediaTypeError } from '../core/errors.ts'
import { parseJson } from '../core/json.ts'
import { toText } from '../core/text.ts'
import { collect, type Fields } from './fields.ts'

export const BODY_LIMIT = 1024 * 1024

export const readBytes = async (request: Request, limit: number): Promise<Uint8Array<ArrayBuffer>> => {
  const tooLarge = () => new PayloadTooLargeError(`The body is larger than ${limit} bytes`)
  if (Number(request.headers.get('content-length')) > limit) throw tooLarge()
  const chunks: Uint8Array[] = []
  let size = 0
  if (request.body) {
    const reader = request.body.getReader()
    for (let read = await reader.read(); !read.done; read = await reader.read()) {
      size += read.value.byteLength
      if (size > limit) {
        await reader.cancel()
        throw tooLarge()
      }
      chunks.push(read.value)
    }
  }
  const bytes = new Uint8Array(size)
  let offset = 0
  for (const chunk of chunks) {
    bytes.set(chunk, offset)
    offset += chunk.byteLength
  }
  return bytes
}

/** Undefined where there is no body. A form's fields are texts (or files), as those of a query. */
export const parseBody = async (
  bytes: Uint8Array<ArrayBuffer>, contentType: string,
): Promise<{ value: unknown; isForm: boolean } | undefined> => {
  if (bytes.byteLength === 0) return undefined
  const [type = ''] = contentType.toLowerCase().split(';')
  const media = type.trim()
  if (media === 'application/json' || media.endsWith('+json')) return { value: parseJson(toText(bytes)), isForm: false }
  if (media === 'application/x-www-form-urlencoded') return { value: collect(new URLSearchParams(toText(bytes))), isForm: true }
  if (media === 'multipart/form-data') return { value: await multipart(bytes, contentType), isForm: true }
  throw new UnsupportedMediaTypeError(
    media ? `The content type ${media} is not supported` : 'The body has no content type: send application/json',
  )
}

const multipart = async (bytes: Uint8Array<ArrayBuffer>, contentType: string): Promise<Fields> => {
  try {
    return collect(await new Response(bytes, { headers: { 'content-type': contentType } }).formData())
  } catch (error) {
    throw new BadRequestError('The form could not be read', { cause: error })
  }
}
