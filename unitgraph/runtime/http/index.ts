/** Requests to functions: which route is meant, what its data is, what goes back. */
import { PatternRouter } from 'hono/router/pattern-router'
import { createWire, type Call, type RequestCall } from '../core/call.ts'
import type { Definition } from '../core/definition.ts'
import { BadRequestError, MethodNotAllowedError, reportError } from '../core/errors.ts'
import { logFailure } from '../core/failure.ts'
import { invoke, layersOf, prepare, type Around, type Input } from '../core/invoke.ts'
import { onion } from '../core/onion.ts'
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
import { createHttp, queryOf, type Exchange, type Outgoing } from './wire.ts'

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
    const around: Around = {
      auth, tags: options.flatMap(({ tags = [] }) => tags), middleware: options.flatMap(({ middleware = [] }) => middleware),
      permissions: options.map(({ permissions }) => permissions),
    }
    return {
      ...own, method: entry.method.toUpperCase(), route: normaliseRoute(entry.route), definition, sse: entry.sse,
      own: { ...around, ready: prepare(unit, definition, around) },
    }
  }).filter((route) => !route.definition.internal).sort(bySpecificity)
}

const readInput = async (route: Route, request: Request, params: Record<string, string>, { http, bytes }: Exchange): Promise<Input> => {
  const { headers, query } = route
  const given = queryOf(request)
  const texts = new Set(Object.keys(given))
  for (const name in params) texts.add(name)
  if (headers) {
    const names = new Set(Object.keys(http.headers))
    http.headers = (await validate(headers, http.headers, names, 'header')) as Fields
  }
  const fromQuery = query ? ((await validate(query, given, texts, 'query')) as Fields) : given
  const hasBody = route.method !== 'GET' && route.method !== 'HEAD'
  const parsed = hasBody ? parseBody(await bytes(), request.headers) : undefined
  const body = parsed instanceof Promise ? await parsed : parsed
  if (!body) return { data: merge([params, fromQuery]), texts }
  if (typeof body.value !== 'object' || body.value === null || Array.isArray(body.value)) {
    if (texts.size === 0) return { data: body.value }
    return { data: merge([params, fromQuery, { body: body.value }]), texts }
  }
  if (body.isForm) for (const name of Object.keys(body.value)) texts.add(name)
  return { data: merge([params, fromQuery, body.value as Fields]), texts }
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
    const byPath = Boolean(part.middleware?.length || part.permissions?.length)

    const find = (method: string, path: string) => router.match(method, path)[0][0] as Match | undefined
    const around = ({ own }: Route, path: string): Around => !byPath ? own : {
      ...own,
      ready: undefined,
      middleware: [...middleware(path).flat(), ...(own.middleware ?? [])],
      permissions: [...permissions(path), ...(own.permissions ?? [])],
    }

    const failed = async (error: unknown, call: Call, out: Outgoing, tell?: (body: Record<string, unknown>) => Promise<void>): Promise<Response> => {
      const report = reportError(error)
      await logFailure(unit, call, error, report)
      const body = errorBody(report, call.requestId)
      await tell?.({ ...body, status: report.status })
      if (report.status === 401) out.headers.append('www-authenticate', 'Bearer')
      return jsonResponse(report.status, body, out.made)
    }

    const run = async (request: Request, call: RequestCall, path: string, [route, found]: Match): Promise<Response> => {
      const params: Record<string, string> = {}
      let isText = true
      for (const name in found) {
        const value = found[name]
        if (value === undefined) continue
        const part = decodePart(value)
        isText &&= part !== undefined
        params[name] = part ?? value
      }
      const exchange = createHttp(request, path, route.route, params, route.bodyLimit ?? BODY_LIMIT, call)
      const read = (): Promise<Input> => {
        if (!isText) throw new BadRequestError('The path is not valid')
        return readInput(route, request, params, exchange)
      }
      const { out } = exchange
      call.http = exchange.http
      if (route.sse && part.sse) {
        return part.sse({
          host: unit.host, request, call, out,
          run: (call, begin) => invoke(unit, route.definition, call, read, around(route, path), begin),
          failed: (error, tell) => failed(error, call, out, tell),
        })
      }
      try {
        return respond(await invoke(unit, route.definition, call, read, around(route, path)), out, call)
      } catch (error) {
        return failed(error, call, out)
      }
    }

    /** An OPTIONS that nobody wrote: middleware, such as CORS, may answer it as it would the request it asks about. */
    const options = async (request: Request, call: RequestCall, path: string, allow: string[]): Promise<Response> => {
      const asked = request.headers.get('access-control-request-method')?.toUpperCase()
      const match = (asked && find(asked, path)) || methods.map((method) => find(method, path)).find(Boolean)
      const { http, out } = createHttp(request, path, match?.[0].route ?? path, {}, BODY_LIMIT, call)
      out.headers.set('allow', allow.join(', '))
      call.http = http
      const wire = createWire(unit, call, match?.[0].definition.id ?? '')
      const tags = match ? [...(match[0].own.tags ?? []), ...match[0].definition.tags] : []
      const layers = layersOf(unit, tags, match ? around(match[0], path) : {})
      return respond(await onion(layers, await unit.host.services(), wire, async () => undefined), out)
    }

    return (request, call, asked) => {
      const path = normalisePath(asked)
      const isHead = request.method === 'HEAD'
      const match = find(request.method, path) ?? (isHead ? find('GET', path) : undefined)
      if (match) {
        const answer = run(request, call, path, match)
        return isHead ? answer.then((response) => new Response(null, response)) : answer
      }
      const allow = methods.filter((method) => find(method, path))
      if (allow.length === 0) return undefined
      if (allow.includes('GET') && !allow.includes('HEAD')) allow.push('HEAD')
      if (request.method === 'OPTIONS') return options(request, call, path, [...allow, 'OPTIONS'])
      const report = reportError(new MethodNotAllowedError(`${path} answers ${allow.join(', ')} only`))
      return Promise.resolve(jsonResponse(405, errorBody(report, call.requestId), { allow: [...allow, 'OPTIONS'].join(', ') }))
    }
  },
})
