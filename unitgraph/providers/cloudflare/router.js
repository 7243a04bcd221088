const compiled = routes.map(([method, pattern, binding]) => [method, new RegExp(pattern), binding])

/** The binding that serves a request; a preflight goes to whatever has the path, and HEAD is GET without a body. */
const find = (method, path) => {
  let preflight
  for (const [own, pattern, binding] of compiled) {
    if (!pattern.test(path)) continue
    if (own === method || own === 'ALL' || (method === 'HEAD' && own === 'GET')) return binding
    preflight ??= binding
  }
  return method === 'OPTIONS' ? preflight : undefined
}

export default {
  async fetch(request, env) {
    const url = new URL(request.url)
    const binding = find(request.method, url.pathname)
    if (binding === undefined) return Response.json({ error: 'NotFoundError', message: 'Not found' }, { status: 404 })
    const unit = env[binding]
    if (typeof unit === 'string') return fetch(new Request(new URL(url.pathname + url.search, unit), request))
    if (unit === undefined) return Response.json({ error: 'ServiceUnavailableError', message: `${binding} isn't set` }, { status: 503 })
    return unit.fetch(request)
  },
}
