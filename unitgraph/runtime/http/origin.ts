/** Where a request that a browser sent comes from. */
import type { HttpRequest } from '../types/wire.ts'

const SAFE = new Set(['GET', 'HEAD', 'OPTIONS'])

export const isSafe = ({ method }: HttpRequest): boolean => SAFE.has(method)

/** By Fetch Metadata, else by Origin; who sends neither is no browser, and carries no cookie unknowingly. */
export const isForeign = (request: Pick<HttpRequest, 'header' | 'url'>, trusted: readonly string[]): boolean => {
  const origin = request.header('origin')
  if (origin && trusted.includes(origin)) return false
  const site = request.header('sec-fetch-site')
  if (site) return site !== 'same-origin' && site !== 'none'
  // the host only: behind a proxy, the scheme that is seen here may be another
  return origin !== undefined && origin.replace(/^https?:\/\//, '') !== new URL(request.url).host
}

/** On this machine, where there is no TLS. */
export const isLocal = ({ protocol, hostname }: URL): boolean =>
  protocol === 'http:' && /^(localhost|127\.0\.0\.1|\[::1\])$/.test(hostname)
