/** Requests to functions: which route is meant, what its data is, what goes back. */
import type { Call, RequestCall } from '../core/call.ts'
import type { Definition } from '../core/definition.ts'
import { BadRequestError, MethodNotAllowedError, reportError } from '../core/errors.ts'
import { logFailure } from '../core/failure.ts'
import { invoke, prepare, refuseAround, type Around, type Input } from '../core/invoke.ts'
import type { Part, Pieces, Unit } from '../core/unit.ts'
import type { HttpOptions } from '../types/http.ts'
import { merge, queryOf, type Fields } from './fields.ts'
import { Outgoing } from './outgoing.ts'
import { decodePart, normalisePath } from './path.ts'
import type { Find } from './patterns.ts'
import { errorBody, jsonResponse, respond } from './respond.ts'
import type { Scoped } from './scoped.ts'
import type { Sse } from './sse.ts'
import type { Exchange } from './wire.ts'

/** How large a body may be where nothing else is said. */
const BODY_LIMIT = 1024 * 1024

export interface RouteEntry {
  readonly method: string
  readonly route: string
  readonly function: string
  readonly sse?: boolean
  /** The options of its groups, outermost first, its own last. */
  readonly options?: readonly Partial<HttpOptions>[]
}

export interface HttpPart extends Scoped {
  readonly routes: readonly RouteEntry[]
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
type Match = NonNullable<ReturnType<Find<Route>>>

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
    const { around } = unit.pieces
    const own = settled(options)
    const outer = around ? around.together(options) : (refuseAround(unit, options), { auth: own.auth })
    return {
      ...own, method: entry.method.toUpperCase(), route: entry.route, definition, sse: entry.sse,
      own: { ...outer, ready: prepare(unit, definition, outer) },
    }
  }).filter((route) => !route.definition.internal)
}

/** Of routes without patterns, and without an order. */
const fixed = (routes: readonly Route[]): Find<Route> => (method, path) => {
  const route = routes.find((one) => one.method === method && (path === one.route || path === `${one.route}/`))
  return route && [route, {}]
}

const limitOf = ({ bodyLimit = BODY_LIMIT }: Route): number => bodyLimit

const readInput = async (
  { body: piece, checkedFields }: Pieces, route: Route, request: Request, params: Record<string, string>, exchange: Exchange | undefined,
): Promise<Input> => {
  const given = queryOf(request)
  const texts = new Set(Object.keys(given))
  for (const name in params) texts.add(name)
  const fromQuery = route.headers || route.query ? await checkedFields!(route, exchange!.http, given, texts) : given
  const hasBody = route.method !== 'GET' && route.method !== 'HEAD'
  const parsed = hasBody ? piece!.parse(await (exchange ? exchange.bytes() : piece!.read(request, limitOf(route))), request.headers) : undefined
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
    const { pieces } = unit
    const routes = gather(unit, part)
    const methods = [...new Set(routes.map((route) => route.method))].sort()
    const find = (pieces.patterns ?? fixed)(routes)
    const scoped = part.middleware?.length || part.permissions?.length ? pieces.byPath!(part) : undefined
    const around = ({ own }: Route, path: string): Around => scoped ? scoped(own, path) : own

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
      const out = new Outgoing()
      const exchange = pieces.exchange?.(request, path, route.route, params, limitOf(route), call, out)
      const read = (): Promise<Input> => {
        if (!isText) throw new BadRequestError('The path is not valid')
        return readInput(pieces, route, request, params, exchange)
      }
      call.http = exchange?.http
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
      const out = new Outgoing()
      out.headers.set('allow', allow.join(', '))
      if (!pieces.around) return respond(undefined, out)
      const asked = request.headers.get('access-control-request-method')?.toUpperCase()
      const [route] = (asked && find(asked, path)) || methods.map((method) => find(method, path)).find(Boolean) || []
      call.http = pieces.exchange!(request, path, route?.route ?? path, {}, BODY_LIMIT, call, out).http
      return respond(await pieces.around.preflight(unit, call, route?.definition, route ? around(route, path) : {}), out)
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
