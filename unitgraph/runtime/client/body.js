/** Bodies: data to JSON or a form, and an answer's body to a value. */
import { NoAnswerError } from './errors.js'

/** A bigint is its decimal text. @param {unknown} value */
export const toJson = (value) => JSON.stringify(value, (_key, item) => (typeof item === 'bigint' ? String(item) : item))

/**
 * Data with a file in it is a form, since JSON can't hold one.
 *
 * @param {unknown} data
 * @returns {{ body?: string | FormData, type?: string }}
 */
export const encode = (data) => {
  if (data === undefined) return {}
  const isForm = typeof data === 'object' && data !== null && Object.values(data).flat().some((one) => one instanceof Blob)
  return isForm ? { body: formOf(/** @type {Record<string, unknown>} */ (data)) } : { body: toJson(data), type: 'application/json' }
}

/** @param {Record<string, unknown>} data */
const formOf = (data) => {
  const form = new FormData()
  for (const [name, value] of Object.entries(data)) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one === undefined) continue
      if (one instanceof Blob) form.append(name, one)
      else if (one instanceof Date) form.append(name, one.toISOString())
      else if (typeof one === 'object') throw new TypeError(`${name} can't stand beside a file: it is no text`)
      else form.append(name, String(one))
    }
  }
  return form
}

/**
 * JSON and text as what they are, anything else as a `Blob`, nothing as undefined.
 *
 * @param {Response} response
 * @returns {Promise<unknown>}
 */
export const decode = async (response) => {
  if ([204, 205, 304].includes(response.status)) return undefined
  const media = (response.headers.get('content-type') ?? '').toLowerCase().split(';')[0]?.trim() ?? ''
  if (media.startsWith('text/')) return response.text()
  if (media !== 'application/json' && !media.endsWith('+json')) return response.blob()
  const text = await response.text()
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new NoAnswerError('The answer is not valid JSON', 'unreadable', error)
  }
}
