/** Which other sites may read what this one answers (https://fetch.spec.whatwg.org/#http-cors-protocol). */
import type * as api from '../types/middleware.ts'

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE']

/* @__NO_SIDE_EFFECTS__ */
export const cors: typeof api.cors = (options = {}) => {
  const { origin = '*', methods = METHODS, headers, exposeHeaders, credentials = false, maxAge } = options
  if (origin === '*' && credentials) throw new Error('cors: credentials need origins by name, not "*"')
  const allows = (asked: string): boolean =>
    typeof origin === 'function' ? origin(asked) : typeof origin === 'string' ? origin === asked : origin.includes(asked)
  return (_services, { http }, next) => {
    if (!http) return next()
    const { request, response } = http
    const asked = request.header('origin')
    if (origin !== '*') response.append('vary', 'Origin')
    if (!asked || (origin !== '*' && !allows(asked))) return next()
    response.header('access-control-allow-origin', origin === '*' ? '*' : asked)
    if (credentials) response.header('access-control-allow-credentials', 'true')
    if (exposeHeaders) response.header('access-control-expose-headers', exposeHeaders.join(', '))
    if (request.method !== 'OPTIONS' || !request.header('access-control-request-method')) return next()
    response.header('access-control-allow-methods', methods.join(', '))
    const allowed = headers?.join(', ') ?? request.header('access-control-request-headers')
    if (allowed) response.header('access-control-allow-headers', allowed)
    if (!headers) response.append('vary', 'Access-Control-Request-Headers')
    if (maxAge !== undefined) response.header('access-control-max-age', String(maxAge))
    return new Response(null, { status: 204 })
  }
}
