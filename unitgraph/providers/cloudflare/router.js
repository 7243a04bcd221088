const DOCUMENT = 'GET, HEAD, OPTIONS'
const compiled = routes.map(([method, pattern, binding]) => [method, new RegExp(pattern), binding])

/** What needs no escape in a path is not escaped, and a slash at its end means nothing, as the units see it too. */
const normalise = (pathname) => {
  const path = pathname.replace(/%(?:[46][1-9a-f]|[57][0-9a]|3\d|2[de]|5f|7e)/gi, decodeURIComponent)
  return path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path
}

/** The binding that serves a request; all methods of its path where none does, or where it asks which there are. HEAD is
 * GET without a body. */
const find = (request, path) => {
  const matching = compiled.filter(([, pattern]) => pattern.test(path))
  const serving = (method) => matching.find(([own]) => own === method || own === 'ALL')?.[2]
  const { method } = request
  const binding = serving(method) ?? (method === 'HEAD' ? serving('GET') : undefined)
  if (binding !== undefined) return { binding }
  const own = [...new Set(matching.map(([own]) => own))]
  const allow = own.length > 0 ? [...own, ...(own.includes('GET') && !own.includes('HEAD') ? ['HEAD'] : []), 'OPTIONS'].join(', ') : undefined
  if (method !== 'OPTIONS') return { allow }
  return { binding: serving(request.headers.get('access-control-request-method')) ?? matching[0]?.[2], allow }
}

/** What no unit answers is answered as one would, and said in the log. */
const own = (request, path, started, status, body, headers) => {
  const given = request.headers.get('x-request-id') ?? ''
  const requestId = /^[\w.:-]{1,128}$/.test(given) ? given : crypto.randomUUID()
  if (path !== '/health') {
    const ms = Date.now() - started
    const line = { time: new Date().toISOString(), level: 'info', msg: 'request', method: request.method, path, status, ms, requestId }
    console.log(JSON.stringify(line))
  }
  const all = { 'content-type': 'application/json; charset=utf-8', 'x-request-id': requestId, ...headers }
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  return new Response(request.method === 'HEAD' || status === 204 ? null : text, { status, headers: all })
}

const MANAGED = /^\/__unitgraph\/(?:runs|workflows|objects)(?:\/|$)/
const LISTED = 50

/** Asks a unit the same; `body` is read, since several may be asked. */
const askUnit = (env, binding, request, url, body) => {
  const unit = env[binding]
  if (unit === undefined) return undefined
  const { method, headers } = request
  const asked = typeof unit === 'string' ? new URL(url.pathname + url.search, unit) : url
  const again = new Request(asked, { method, headers, ...(body && { body }) })
  return typeof unit === 'string' ? fetch(again) : unit.fetch(again)
}

const byAge = (a, b) => Date.parse(b.createdAt) - Date.parse(a.createdAt) || (a.id < b.id ? 1 : -1)

/** One list of all units' runs, as one unit would give it. */
const listRuns = (answers, url) => {
  const all = answers.flatMap(({ runs }) => runs).sort(byAge)
  const runs = all.slice(0, Number(url.searchParams.get('limit') ?? LISTED))
  const last = runs.at(-1)
  const hasMore = all.length > runs.length || answers.some(({ next }) => next !== null)
  return { runs, next: last && hasMore ? `${Date.parse(last.createdAt)} ${last.id}` : null, now: answers[0].now }
}
const listWorkflows = (answers) => ({ workflows: answers.flatMap(({ workflows }) => workflows).sort((a, b) => (a.name < b.name ? -1 : 1)) })
const sumTold = (answers) => ({ told: answers.reduce((sum, { told }) => sum + told, 0) })
const TOGETHER = { '/__unitgraph/runs': listRuns, '/__unitgraph/workflows': listWorkflows, '/__unitgraph/objects': sumTold }

/** What is asked of those who look after runs: lists by all units with workflows, a run by the one that has it. */
const manage = async (request, env, url, path) => {
  const body = request.method === 'GET' || request.method === 'HEAD' ? undefined : await request.arrayBuffer()
  const together = TOGETHER[path]
  let response
  const answers = []
  for (const binding of managers) {
    response = await askUnit(env, binding, request, url, body)
    if (response === undefined) continue
    if (together === undefined && response.status !== 404) return response
    if (together !== undefined && response.status !== 200) return response
    if (together !== undefined) answers.push(await response.json())
  }
  if (together === undefined || answers.length === 0) return response
  return new Response(JSON.stringify(together(answers, url)), { headers: {
    'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store', 'x-content-type-options': 'nosniff',
  } })
}

export default {
  async fetch(request, env) {
    const started = Date.now()
    const url = new URL(request.url)
    const path = normalise(url.pathname)
    const { binding, allow } = find(request, path)
    const say = (status, code, error, headers) => own(request, path, started, status, { error, code }, headers)
    if (binding === undefined && allow === undefined && Object.hasOwn(documents, path)) {
      const reads = request.method === 'GET' || request.method === 'HEAD'
      if (reads) return own(request, path, started, 200, documents[path], { 'cache-control': 'no-cache', 'access-control-allow-origin': '*' })
      if (request.method === 'OPTIONS') return own(request, path, started, 204, null, { allow: DOCUMENT })
      return say(405, 'method-not-allowed', `${path} answers ${DOCUMENT} only`, { allow: DOCUMENT })
    }
    if (binding === undefined && allow !== undefined) return say(405, 'method-not-allowed', `${path} answers ${allow} only`, { allow })
    if (binding === undefined && path === '/health') {
      return own(request, path, started, 200, { status: 'ok', project }, { 'cache-control': 'no-store' })
    }
    const managed = binding === undefined && managers.length > 0 && MANAGED.test(path) ? await manage(request, env, url, path) : undefined
    if (managed !== undefined) return managed
    if (binding === undefined) return say(404, 'not-found', `Nothing answers ${request.method} ${path}`)
    const unit = env[binding]
    if (unit === undefined) return say(503, 'service-unavailable', `${binding} is not set`)
    const response = typeof unit === 'string'
      ? await fetch(new Request(new URL(url.pathname + url.search, unit), request))
      : await unit.fetch(request)
    if (allow === undefined) return response
    const answered = new Response(response.body, response)
    answered.headers.set('allow', allow)
    return answered
  },
}
