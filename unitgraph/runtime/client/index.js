/**
 * The client of an application: no routes are in it, since a call names its own; types say which there are.
 *
 * @import * as api from '../types/client.ts'
 */
import { baseOf, fill, isFlat, queryOf } from './address.js'
import { decode, encode } from './body.js'
import { call, valueOf } from './call.js'
import { openChannel } from './channel.js'
import { ApiError, errorOfResponse } from './errors.js'
import { eventsOf } from './events.js'

export { ApiError, NoAnswerError } from './errors.js'

/**
 * GET says everything in its URL; so does DELETE where it can, since a body means nothing there.
 *
 * @param {string} base @param {string} method @param {string} route @param {unknown} data
 */
const ask = (base, method, route, data) => {
  const isFields = typeof data === 'object' && data !== null && !Array.isArray(data) && !(data instanceof FormData)
  const { path, rest } = fill(route, isFields ? /** @type {Record<string, unknown>} */ ({ ...data }) : {})
  if (method === 'GET' || (method === 'DELETE' && isFields && isFlat(rest))) {
    if (data !== undefined && !isFields) throw new TypeError(`${method} ${route} takes an object`)
    return { method, url: base + path + queryOf(rest), body: undefined, headers: [] }
  }
  const isAllInPath = isFields && Object.keys(rest).length === 0 && Object.keys(/** @type {object} */ (data)).length > 0
  const { body, type } = isAllInPath ? {} : data instanceof FormData ? { body: data } : encode(isFields ? rest : data)
  return { method, url: base + path, body, headers: [type ? { 'content-type': type } : undefined] }
}

/**
 * @param {string} base @param {api.ClientOptions} options @param {string} method @param {string} route
 * @param {unknown} data @param {api.CallOptions} own
 */
const stream = async function* (base, options, method, route, data, own) {
  const asked = ask(base, method, route, data)
  const accept = { accept: 'text/event-stream' }
  const { response, opened, settled, explain } = await call({ ...asked, headers: [...asked.headers, accept] }, options, own)
  try {
    if (!response.ok) throw await errorOfResponse(response)
    opened()
    yield* eventsOf(response)
  } catch (error) {
    throw error instanceof ApiError ? error : explain(error)
  } finally {
    settled()
  }
}

/** @type {typeof api.createClient} */
export const createClient = (options = {}) => {
  const base = baseOf(options.url)
  /** @param {string} method */
  const calling = (method) =>
    /** @param {string} route @param {unknown} [data] @param {api.CallOptions} [own] */
    async (route, data, own = {}) => valueOf(ask(base, method, route, data), options, own, decode)
  /** @param {string} method */
  const streaming = (method) =>
    /** @param {string} route @param {unknown} [data] @param {api.CallOptions} [own] */
    (route, data, own = {}) => stream(base, options, method, route, data, own)
  /** @param {string} method @param {string} route @param {unknown} [data] @param {api.CallOptions} [own] */
  const request = async (method, route, data, own = {}) => {
    const { response, settled } = await call(ask(base, method, route, data), options, own)
    settled()
    return response
  }
  /** @param {string} name @param {unknown} [data] @param {api.CallOptions} [own] */
  const invoke = async (name, data, own = {}) => {
    if (!/^[\w$]+$/.test(name)) throw new TypeError(`${JSON.stringify(name)} is no function's name`)
    return valueOf(ask(base, 'POST', `/rpc/${name}`, data), options, own, decode)
  }
  /** @param {string} route @param {Record<string, unknown>} [data] @param {api.ChannelOptions} [own] */
  const channel = (route, data = {}, own = {}) => {
    const Socket = options.WebSocket ?? globalThis.WebSocket
    if (!Socket) throw new TypeError('There is no WebSocket here: give createClient one')
    const { path, rest } = fill(route, data)
    const url = base.replace(/^http/, 'ws') + path + queryOf(rest)
    const address = async () => {
      const { token } = options
      const bearer = typeof token === 'function' ? await token() : token
      return { url, protocols: bearer ? ['bearer', bearer] : [] }
    }
    return openChannel(address, Socket, own)
  }
  const client = {
    get: calling('GET'), post: calling('POST'), put: calling('PUT'), patch: calling('PATCH'), delete: calling('DELETE'),
    request, events: { get: streaming('GET'), post: streaming('POST') }, rpc: { invoke }, channel,
  }
  // routes are words here; what each of them takes and gives, the types say
  return /** @type {api.Client} */ (/** @type {unknown} */ (client))
}
