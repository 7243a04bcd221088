/** Requests to functions: which route is meant, what its data is, what goes back. */
import type { Call, RequestCall } from '../core/call.ts'
import type { Definition } from '../core/definition.ts'
import { BadRequestError, MethodNotAllowedError, reportError } from '../core/errors.ts'
import { logFailure } from '../core/failure.ts'
import { invoke, prepare, refuseAround, type Around, type Input } from '../core/invoke.ts'
import type { Part, Pieces, Unit } from '../core/unit.ts'
import type { HttpOptions } from '../types/http.ts'
import { queryOf, type Fields } from './fields.ts'
import { BODY_LIMIT } from './limit.ts'
import { Outgoing } from './outgoing.ts'
import { normalisePath } from './path.ts'
import type { Find } from './patterns.ts'
import { errorBody, errorResponse, jsonResponse, respond } from './respond.ts'
import type { Scoped } from './scoped.ts'
import type { Sse } from './sse.ts'
import type { Exchange } from './wire.ts'

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

export interface Route extends Pick<HttpOptions, 'headers' | 'query' | 'bodyLimit'> {
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

const gather = (unit: Unit, { routes }: HttpPart): Route[] => {
  const all = [...routes]
  for (const { id, expose } of unit.functions.values()) {
    if (expose) all.push({ method: 'POST', route: `/rpc/${id}`, function: id })
  }
  return all.map((entry) => {
    const definition = unit.functions.get(entry.function)!
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
  return route && [route, {}, true]
}

const limitOf = ({ bodyLimit = BODY_LIMIT }: Route): number => bodyLimit

const readInput = (
  { body, checkedFields, merge }: Pieces, route: Route, request: Request, params: Record<string, string>, exchange: Exchange | undefined,
): Input | Promise<Input> => {
  const given = queryOf(request)
  const texts = new Set(Object.keys(given))
  for (const name in params) texts.add(name)
  const settle = (query: Fields): Input | Promise<Input> => {
    if (route.method !== 'GET' && route.method !== 'HEAD') return body!(request, exchange?.bytes, limitOf(route), [params, query], texts)
    return { data: merge ? merge([params, query]) : query, texts }
  }
  return route.headers || route.query ? checkedFields!(route, exchange!.http, given, texts).then(settle) : settle(given)
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

    const run = async (request: Request, call: RequestCall, path: string, [route, params, isText]: Match): Promise<Response> => {
      const out = new Outgoing()
      const exchange = pieces.exchange?.(request, path, route.route, params, limitOf(route), call, out)
      const read = (): Input | Promise<Input> => {
        if (!isText) throw new BadRequestError('The path is not valid')
        return readInput(pieces, route, request, params, exchange)
      }
      call.http = exchange?.http
      if (route.sse) {
        return part.sse!({
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

    /** An OPTIONS that nobody wrote: middleware may say more. */
    const options = async (request: Request, call: RequestCall, path: string, found: readonly Route[], allow: string): Promise<Response> => {
      const out = new Outgoing()
      out.headers.set('allow', allow)
      return respond(await pieces.preflight?.(unit, request, call, path, out, found, around), out)
    }

    return (request, call, asked, matched) => {
      const path = normalisePath(asked)
      const isHead = request.method === 'HEAD'
      const match = find(request.method, path, matched) ?? (isHead ? find('GET', path) : undefined)
      if (match) {
        const answer = run(request, call, path, match)
        return isHead ? answer.then((response) => new Response(null, response)) : answer
      }
      const found = methods.flatMap((method) => find(method, path)?.[0] ?? [])
      if (found.length === 0) return undefined
      const allow = found.map(({ method }) => method)
      if (allow.includes('GET') && !allow.includes('HEAD')) allow.push('HEAD')
      const all = [...allow, 'OPTIONS'].join(', ')
      if (request.method === 'OPTIONS') return options(request, call, path, found, all)
      const report = reportError(new MethodNotAllowedError(`${path} answers ${allow.join(', ')} only`))
      return Promise.resolve(errorResponse(report, call.requestId, { allow: all }))
    }
  },
})
