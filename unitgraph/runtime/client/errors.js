/**
 * What a call can end in besides its result: an error that the application answered with, or no answer at all.
 *
 * @import * as api from '../types/client.ts'
 */

/** @implements {api.ApiError} */
export class ApiError extends Error {
  /** @override @type {'ApiError'} */
  name = 'ApiError'
  /** @type {api.ApiError['issues']} */
  issues = []
  /** @type {unknown} */
  data = undefined
  /** @type {string | undefined} */
  requestId = undefined
  /** @type {number | undefined} */
  retryAfterMs = undefined

  /** @param {string} message @param {number} status @param {string} code */
  constructor(message, status, code) {
    super(message)
    this.status = status
    this.code = code
  }
}

/** @implements {api.NoAnswerError} */
export class NoAnswerError extends Error {
  /** @override @type {'NoAnswerError'} */
  name = 'NoAnswerError'

  /** @param {string} message @param {api.NoAnswerError['code']} code @param {unknown} [cause] */
  constructor(message, code, cause) {
    super(message, { cause })
    this.code = code
  }
}

/**
 * @param {number} status
 * @param {unknown} body what the application said, or what something before it did
 */
export const errorOf = (status, body) => {
  const said = /** @type {Record<string, unknown>} */ (typeof body === 'object' && body ? body : {})
  const error = new ApiError(
    typeof said['error'] === 'string' ? said['error'] : `The answer has the status ${status}`,
    status, typeof said['code'] === 'string' ? said['code'] : `status-${status}`,
  )
  if (Array.isArray(said['issues'])) error.issues = said['issues']
  error.data = said['data']
  if (typeof said['id'] === 'string') error.requestId = said['id']
  return error
}

/** @param {Response} response */
export const errorOfResponse = async (response) => {
  const text = await response.text().catch(() => '')
  let body
  try {
    body = JSON.parse(text)
  } catch {
    // a proxy's page, say: the status is all that is known
  }
  const error = errorOf(response.status, body)
  error.requestId = response.headers.get('x-request-id') ?? error.requestId
  error.retryAfterMs = retryAfter(response.headers.get('retry-after'))
  return error
}

/** Seconds, or a date. @param {string | null} text */
export const retryAfter = (text) => {
  if (!text) return undefined
  const ms = /^\d+$/.test(text.trim()) ? Number(text) * 1000 : Date.parse(text) - Date.now()
  return Number.isNaN(ms) ? undefined : Math.max(0, ms)
}
