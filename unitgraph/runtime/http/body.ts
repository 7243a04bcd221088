/** A request's body as data, by its content type. */
import { BadRequestError, UnsupportedMediaTypeError } from '../core/errors.ts'
import type { Input } from '../core/invoke.ts'
import { parseJson } from '../core/json.ts'
import { readBytes } from './bytes.ts'
import { collect, merge, type Fields } from './fields.ts'

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

const JSON_TYPE = 'application/json'

export interface Body {
  readonly value: unknown
  readonly isForm: boolean
}

/** Undefined where there is no body. A form's fields are texts (or files), as those of a query. */
const parseBody = (bytes: Uint8Array<ArrayBuffer>, headers: Headers): Body | Promise<Body> | undefined => {
  if (bytes.byteLength === 0) return undefined
  const contentType = headers.get('content-type') ?? ''
  const encoding = headers.get('content-encoding')
  if (encoding && encoding.toLowerCase() !== 'identity') throw unsupported(`The content encoding ${encoding}`)
  // as most say it
  const media = contentType === JSON_TYPE ? JSON_TYPE : contentType.split(';', 1)[0]!.trim().toLowerCase()
  if (media === JSON_TYPE || media.endsWith('+json')) return { value: parseJson(textOf(bytes)), isForm: false }
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

/**
 * The data of a request with a body, which may have none: `sources` are what came with its address, `texts` the names of those,
 * to which the ones of a form are added. The bytes are read here where nobody else may ask for them.
 */
export const body = (
  request: Request, bytes: (() => Promise<Uint8Array<ArrayBuffer>>) | undefined, limit: number, sources: readonly Fields[], texts: Set<string>,
): Promise<Input> => (bytes ? bytes() : readBytes(request, limit)).then((whole) => {
  const parsed = parseBody(whole, request.headers)
  return parsed instanceof Promise ? parsed.then((form) => together(form, sources, texts)) : together(parsed, sources, texts)
})

const together = (found: Body | undefined, sources: readonly Fields[], texts: Set<string>): Input => {
  if (!found) return { data: merge(sources), texts }
  const { value, isForm } = found
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return texts.size === 0 ? { data: value } : { data: merge([...sources, { body: value }]), texts }
  }
  if (isForm) for (const name of Object.keys(value)) texts.add(name)
  return { data: merge(sources, value as Fields), texts }
}
