/** What is said on a channel, as JSON in text: messages by what they choose, answers by `$id`. Knows no connection. */
import { toJson } from './body.js'
import { errorOf } from './errors.js'

export const ID = '$id'
export const PING = 'ping'
export const PONG = 'pong'

/** @param {unknown} data @returns {data is Record<string, unknown>} */
const isFields = (data) => typeof data === 'object' && data !== null && !Array.isArray(data)

/**
 * A message for the function that `property` and `value` choose, or for the one that takes all others.
 *
 * @param {unknown} data
 * @param {{ property?: string, value?: string, id?: number }} meant
 */
export const frameOf = (data, { property, value, id }) => {
  if (property === undefined && id === undefined) return toJson(data) ?? 'null'
  const fields = data === undefined ? {} : data
  if (!isFields(fields)) throw new TypeError('A message that is routed, or answered, is an object')
  for (const name of [ID, property]) {
    if (name !== undefined && Object.hasOwn(fields, name)) throw new TypeError(`${name} is not a name for data here: it says what the message is`)
  }
  return toJson({ ...(property !== undefined && { [property]: value }), ...(id !== undefined && { [ID]: id }), ...fields })
}

/** @param {string} text */
const bytesOf = (text) => Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (letter) => letter.charCodeAt(0))

/**
 * @typedef {{ kind: 'answer', id: unknown, data: unknown } | { kind: 'failure', id: unknown, error: Error }
 *   | { kind: 'message', data: unknown }} Said
 */

/**
 * A frame that came; undefined for what isn't for anybody.
 *
 * @param {unknown} frame
 * @returns {Said | undefined}
 */
export const readFrame = (frame) => {
  if (frame === PONG) return undefined
  if (typeof frame !== 'string') return { kind: 'message', data: frame }
  const said = JSON.parse(frame)
  if (!isFields(said)) return { kind: 'message', data: said }
  const failed = typeof said['error'] === 'string' && typeof said['code'] === 'string'
  const id = said[ID]
  if (failed) return { kind: 'failure', id, error: errorOf(typeof said['status'] === 'number' ? said['status'] : 500, said) }
  if (id === undefined) return { kind: 'message', data: said }
  const { base64url } = said
  return { kind: 'answer', id, data: typeof base64url === 'string' ? new Blob([bytesOf(base64url)]) : said['data'] }
}
