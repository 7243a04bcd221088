const compiled = routes.map(([method, pattern, binding]) => [method, new RegExp(pattern), binding])

/** What needs no escape in a path is not escaped, and a slash at its end means nothing, as the units see it too. */
const normalise = (pathname) => {
  const path = pathname.replace(/%(?:[46][1-9a-f]|[57][0-9a]|3\d|2[de]|5f|7e)/gi, decodeURIComponent)
  return path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path
}

/** The binding that serves a request, or all methods of its path where none does; HEAD is GET without a body. */
const find = (request, path) => {
  const matching = compiled.filter(([, pattern]) => pattern.test(path))
  const serving = (method) => matching.find(([own]) => own === method || own === 'ALL')?.[2]
  const { method } = request
  const found = serving(method) ?? (method === 'HEAD' ? serving('GET') : undefined)
  if (found !== undefined || method !== 'OPTIONS') return { binding: found, allow: matching.map(([own]) => own) }
  return { binding: serving(request.headers.get('access-control-request-method')) ?? matching[0]?.[2], allow: [] }
}

const refuse = (status, code, error, headers) => Response.json({ error, code }, { status, headers })

export default {
  async fetch(request, env) {
    const url = new URL(request.url)
    const path = normalise(url.pathname)
    const { binding, allow } = find(request, path)
    if (binding === undefined && allow.length > 0) {
      const methods = [...new Set([...allow, ...(allow.includes('GET') ? ['HEAD'] : []), 'OPTIONS'])].join(', ')
      return refuse(405, 'method-not-allowed', `${path} answers ${methods} only`, { allow: methods })
    }
    if (binding === undefined) {
      if (path === '/health') return Response.json({ status: 'ok', project }, { headers: { 'cache-control': 'no-store' } })
      return refuse(404, 'not-found', `Nothing answers ${request.method} ${path}`)
    }
    const unit = env[binding]
    if (unit === undefined) return refuse(503, 'service-unavailable', `${binding} is not set`)
    if (typeof unit === 'string') return fetch(new Request(new URL(url.pathname + url.search, unit), request))
    return unit.fetch(request)
  },
}
