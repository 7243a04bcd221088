/** Requests to functions: which route is meant, what its data is, what goes back. */
import { PatternRouter } from 'hono/router/pattern-router'
import type { Call } from '../core/call.ts'
import type { Definition } from '../core/definition.ts'
import { BadRequestError, MethodNotAllowedError, reportError } from '../core/errors.ts'
import { logFailure } from '../core/failure.ts'
import { invoke, layersOf, type Around, type Input } from '../core/invoke.ts'
import { onion } from '../core/onion.ts'
import { createRpc } from '../core/rpc.ts'
import { createWire } from '../core/call.ts'
import type { Part, Unit } from '../core/unit.ts'
import { validate } from '../core/validate.ts'
import type { HttpOptions } from '../types/http.ts'
import type { Middleware, Permissions } from '../types/middleware.ts'
import { BODY_LIMIT, parseBody } from './body.ts'
import { merge, type Fields } from './fields.ts'
import { bySpecificity, decodePart, normalisePath, normaliseRoute } from './path.ts'
import { errorBody, jsonResponse, respond } from './respond.ts'
import { scoped } from './scoped.ts'
import type { Sse } from './sse.ts'
import { createHttp, type Incoming } from './wire.ts'

export interface RouteEntry {
  readonly method: string
  readonly route: string
  readonly function: string
  readonly sse?: boolean
  /** The options of its groups, outermost first, its own last. */
  readonly options?: readonly Partial<HttpOptions>[]
}

export interface HttpPart {
  readonly routes: readonly RouteEntry[]
  /** By pattern: "*", "/api/*". */
  readonly middleware?: readonly (readonly [string, readonly Middleware[]])[]
  readonly permissions?: readonly (readonly [string, Permissions])[]
  /** Needed by routes with `sse: true` only. */
  readonly sse?: Sse
}

interface Route extends Pick<HttpOptions, 'headers' | 'query' | 'bodyLimit'> {
  readonly method: string
  readonly route: string
  readonly definition: Definition
  readonly sse: boolean | undefined
  /** What its groups and itself put around the function. */
  readonly own: Around
}

/** A route, and the parts of the path by name. */
type Match = [Route, Record<string, string>]

/** What was said last, innermost, of each option. */
const settled = (all: readonly Partial<HttpOptions>[]): Partial<HttpOptions> =>
  Object.fromEntries(all.flatMap((options) => Object.entries(options).filter(([, value]) => value !== undefined)))

const gather = (unit: Unit, { routes, sse }: HttpPart): Route[] => {
  const all = [...routes]
  for (const { id, expose } of unit.functions.values()) {
    if (expose) all.push({ method: 'POST', route: `/rpc/${id}`, function: id })
  }
  return all.map((entry) => {
    const definition = unit.functions.get(entry.function)
    const what = `${entry.method} ${entry.route} in ${unit.name}`
    if (!definition) throw new Error(`${what} needs the function ${entry.function}, which is not there`)
    if (entry.sse && !sse) throw new Error(`${what} sends events, and the unit was built without them`)
    const options = entry.options ?? []
    const { auth, ...own } = settled(options)
    return {
      ...own, method: entry.method.toUpperCase(), route: normaliseRoute(entry.route), definition, sse: entry.sse,
      own: {
        auth, tags: options.flatMap(({ tags = [] }) => tags), middleware: options.flatMap(({ middleware = [] }) => middleware),
        permissions: options.map(({ permissions }) => permissions),
      },
    }
  }).filter((route) => !route.definition.internal).sort(bySpecificity)
}

const readInput = async (route: Route, http: Incoming): Promise<Input> => {
  const { headers, query } = route
  const given = (http.request.url.includes('?') ? http.request.query() : {}) as Fields
  const texts = new Set([...Object.keys(given), ...Object.keys(http.request.params())])
  if (headers) {
    const names = new Set(Object.keys(http.headers))
    http.headers = (await validate(headers, http.headers, names, 'header')) as Fields
  }
  const fromQuery = query ? ((await validate(query, given, texts, 'query')) as Fields) : given
  const hasBody = route.method !== 'GET' && route.method !== 'HEAD'
  const body = hasBody ? await parseBody(await http.request.bytes(), http.request.header) : undefined
  const sources = [http.request.params() as Fields, fromQuery]
  if (!body) return { data: merge(sources), texts }
  if (typeof body.value !== 'object' || body.value === null || Array.isArray(body.value)) {
    if (texts.size === 0) return { data: body.value }
    return { data: merge([...sources, { body: body.value }]), texts }
  }
  if (body.isForm) for (const name of Object.keys(body.value)) texts.add(name)
  return { data: merge([...sources, body.value as Fields]), texts }
}

export const http = (part: HttpPart): Part => ({
  name: 'http',
  start: (unit) => {
    const router = new PatternRouter<Route>()
    const routes = gather(unit, part)
    const methods = [...new Set(routes.map((route) => route.method))].sort()
    for (const route of routes) router.add(route.method, route.route, route)
    const middleware = scoped(part.middleware)
    const permissions = scoped(part.permissions)

    const find = (method: string, path: string) => router.match(method, path)[0][0] as Match | undefined
    const around = ({ own }: Route, path: string): Around => ({
      ...own,
      middleware: [...middleware(path).flat(), ...(own.middleware ?? [])],
      permissions: [...permissions(path), ...(own.permissions ?? [])],
    })

    const run = async (request: Request, outer: Call, path: string, [route, found]: Match): Promise<Response> => {
      const params: Record<string, string> = {}
      let isText = true
      for (const [name, value] of Object.entries(found)) {
        if (value === undefined) continue
        const part = decodePart(value)
        isText &&= part !== undefined
        params[name] = part ?? value
      }
      const read = async (): Promise<Input> => {
        if (!isText) throw new BadRequestError('The path is not valid')
        return readInput(route, http)
      }
      const { http, out } = createHttp(request, path, route.route, params, route.bodyLimit ?? BODY_LIMIT, outer.ip)
      const wantsEvents = route.sse && request.headers.get('accept')?.includes('text/event-stream')
      const events = wantsEvents ? await part.sse?.(unit.host) : undefined
      const signal = events ? AbortSignal.any([outer.signal, events.signal]) : outer.signal
      const silent = { channelId: crypto.randomUUID(), send: () => undefined, close: () => undefined }
      const channel = events?.channel ?? (route.sse ? silent : undefined)
      const call: Call = { ...outer, transport: 'http', http, signal, channel }
      const opened = Promise.withResolvers<Response>()
      const settle = async (): Promise<Response> => {
        try {
          const value = await invoke(
            unit, route.definition, call, read, around(route, path),
            events && (() => opened.resolve(events.open(out.headers))),
          )
          if (!events) return respond(value, out)
          await events.end(value)
          return new Response()
        } catch (error) {
          const report = reportError(error)
          await logFailure(unit, call, error, report)
          const body = errorBody(report, call.requestId)
          await events?.fail({ ...body, status: report.status })
          if (report.status === 401) out.headers.append('www-authenticate', 'Bearer')
          return jsonResponse(report.status, body, out.headers)
        }
      }
      const settled = settle()
      if (!events) return settled
      outer.waitUntil(settled)
      return Promise.race([opened.promise, settled])
    }

    /** An OPTIONS that nobody wrote: middleware, such as CORS, may answer it as it would the request it asks about. */
    const options = async (request: Request, call: Call, path: string, allow: string[]): Promise<Response> => {
      const asked = request.headers.get('access-control-request-method')?.toUpperCase()
      const match = (asked && find(asked, path)) || methods.map((method) => find(method, path)).find(Boolean)
      const { http, out } = createHttp(request, path, match?.[0].route ?? path, {}, BODY_LIMIT, call.ip)
      out.headers.set('allow', allow.join(', '))
      const inner: Call = { ...call, transport: 'http', http }
      const wire = createWire(inner, () => createRpc(unit, inner), match?.[0].definition.id ?? '')
      const tags = match ? [...(match[0].own.tags ?? []), ...match[0].definition.tags] : []
      const layers = layersOf(unit, tags, match ? around(match[0], path) : {})
      return respond(await onion(layers, await unit.host.services(), wire, async () => undefined), out)
    }

    return async (request, call) => {
      const path = normalisePath(new URL(request.url).pathname)
      const match = find(request.method, path) ?? (request.method === 'HEAD' ? find('GET', path) : undefined)
      if (match) {
        const response = await run(request, call, path, match)
        return request.method === 'HEAD' ? new Response(null, response) : response
      }
      const allow = methods.filter((method) => find(method, path))
      if (allow.length === 0) return undefined
      if (allow.includes('GET') && !allow.includes('HEAD')) allow.push('HEAD')
      if (request.method === 'OPTIONS') return options(request, call, path, [...allow, 'OPTIONS'])
      const report = reportError(new MethodNotAllowedError(`${path} answers ${allow.join(', ')} only`))
      return jsonResponse(405, errorBody(report, call.requestId), { allow: [...allow, 'OPTIONS'].join(', ') })
    }
  },
})
