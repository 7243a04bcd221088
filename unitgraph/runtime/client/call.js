/**
 * One call over HTTP: who makes it, how long it may take, how often it is tried. Knows no routes.
 *
 * @import * as api from '../types/client.ts'
 */
import { errorOfResponse, NoAnswerError, retryAfter } from './errors.js'

const TIMEOUT_MS = 30_000
const FIRST_DELAY_MS = 250
const LONGEST_DELAY_MS = 10_000
const CSRF = { cookie: 'csrf', header: 'x-csrf-token' }
const SAFE = new Set(['GET', 'HEAD', 'OPTIONS'])
const IDEMPOTENT = new Set([...SAFE, 'PUT', 'DELETE'])
const PASSING = new Set([429, 502, 503, 504])

/**
 * Twice as long each time, and a random part of that, so that many clients don't come back at once.
 *
 * @param {number} attempt 0 for the first @param {number} [firstMs] @param {number} [longestMs]
 */
export const backOff = (attempt, firstMs = FIRST_DELAY_MS, longestMs = LONGEST_DELAY_MS) =>
  Math.min(longestMs, firstMs * 2 ** attempt) * (0.5 + Math.random() / 2)

/** @param {number} ms @param {AbortSignal} [signal] */
const wait = (ms, signal) => new Promise((resolve, reject) => {
  const timer = setTimeout(() => {
    signal?.removeEventListener('abort', abort)
    resolve(undefined)
  }, ms)
  const abort = () => {
    clearTimeout(timer)
    reject(signal?.reason)
  }
  signal?.addEventListener('abort', abort, { once: true })
})

/** @param {string} name */
const readCookie = (name) => {
  for (const pair of (globalThis.document?.cookie ?? '').split('; ')) {
    if (pair.startsWith(`${name}=`)) return decodeURIComponent(pair.slice(name.length + 1))
  }
  return undefined
}

/**
 * @param {string} method @param {string} url
 * @param {api.ClientOptions} options
 * @param {(HeadersInit | undefined)[]} more later ones win
 */
const headersFor = async (method, url, { token, headers, csrf }, more) => {
  const all = new Headers()
  const given = typeof headers === 'function' ? await headers() : headers
  for (const each of [given, ...more]) new Headers(each).forEach((value, name) => all.set(name, value))
  const bearer = typeof token === 'function' ? await token() : token
  if (bearer && !all.has('authorization')) all.set('authorization', `Bearer ${bearer}`)
  // a page's token is for its own site, and for others only where that is asked for
  const own = url.startsWith(`${globalThis.location?.origin}/`) ? CSRF : undefined
  const proved = csrf === false || SAFE.has(method) ? undefined : (csrf ?? own)
  const proof = proved && readCookie(proved.cookie)
  if (proved && proof !== undefined) all.set(proved.header, proof)
  return all
}

/**
 * @typedef {object} Asked
 * @property {string} method
 * @property {string} url
 * @property {string | FormData | undefined} body
 * @property {(HeadersInit | undefined)[]} headers
 */

/**
 * @typedef {object} Answered
 * @property {Response} response
 * @property {() => void} opened ends the time limit, which goes on while a body is read
 * @property {() => void} settled ends the limit, and lets go of the caller's signal
 * @property {(error: unknown) => unknown} explain what a failure means: the caller's own signal stands before the rest
 */

/**
 * An answer, whatever its status.
 *
 * @param {Asked} asked
 * @param {api.ClientOptions} options
 * @param {api.CallOptions} own
 * @returns {Promise<Answered>}
 */
const attempt = async ({ method, url, body, headers }, options, own) => {
  const timeoutMs = own.timeoutMs ?? options.timeoutMs ?? TIMEOUT_MS
  const late = new AbortController()
  const timer = timeoutMs > 0 ? setTimeout(() => late.abort(), timeoutMs) : undefined
  const pass = () => late.abort(own.signal?.reason)
  own.signal?.addEventListener('abort', pass, { once: true })
  const opened = () => clearTimeout(timer)
  const settled = () => {
    opened()
    own.signal?.removeEventListener('abort', pass)
  }
  /** @param {unknown} error */
  const explain = (error) => {
    if (own.signal?.aborted) return own.signal.reason
    if (late.signal.aborted) return new NoAnswerError(`${method} ${url} took longer than ${timeoutMs} ms`, 'timeout', error)
    if (error instanceof NoAnswerError) return error
    return new NoAnswerError(`${method} ${url} got no answer`, 'no-answer', error)
  }
  try {
    own.signal?.throwIfAborted()
    const fetch = options.fetch ?? globalThis.fetch
    const response = await fetch(url, {
      method, headers: await headersFor(method, url, options, [...headers, own.headers]), signal: late.signal,
      ...(body !== undefined && { body }), ...(options.credentials && { credentials: options.credentials }),
    })
    return { response, opened, settled, explain }
  } catch (error) {
    settled()
    throw explain(error)
  }
}

/**
 * @param {Asked} asked
 * @param {api.ClientOptions} options
 * @param {api.CallOptions} own
 * @returns {Promise<Answered>}
 */
export const call = async (asked, options, own) => {
  const mayRepeat = own.idempotent ?? IDEMPOTENT.has(asked.method)
  const retries = mayRepeat ? (own.retries ?? options.retries ?? 0) : 0
  for (let tried = 0; ; tried++) {
    let pause = backOff(tried)
    try {
      const answered = await attempt(asked, options, own)
      const { response } = answered
      if (tried >= retries || !PASSING.has(response.status)) return answered
      pause = Math.max(pause, retryAfter(response.headers.get('retry-after')) ?? 0)
      answered.settled()
      await response.body?.cancel()
    } catch (error) {
      if (tried >= retries || !(error instanceof NoAnswerError)) throw error
    }
    await wait(pause, own.signal)
  }
}

/**
 * The value that `read` makes of an answer; what the application refuses is an `ApiError`.
 *
 * @template T
 * @param {Asked} asked
 * @param {api.ClientOptions} options
 * @param {api.CallOptions} own
 * @param {(response: Response) => Promise<T>} read
 */
export const valueOf = async (asked, options, own, read) => {
  const { response, settled, explain } = await call(asked, options, own)
  try {
    if (response.ok) return await read(response).catch((error) => Promise.reject(explain(error)))
    throw await errorOfResponse(response)
  } finally {
    settled()
  }
}
