/** A request's body as data, by its content type. */
import { BadRequestError, UnsupportedMediaTypeError } from '../core/errors.ts'
import { parseJson } from '../core/json.ts'
import { readBytes } from './bytes.ts'
import { collect } from './fields.ts'

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

export const body = { read: readBytes, parse: parseBody }
