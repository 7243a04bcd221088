/**
 * Openings of channels: a request that wants to become a connection is answered as one over HTTP, by middleware, session,
 * data and permissions, and only then handed to whoever holds connections. Knows no socket.
 */
import { PatternRouter } from 'hono/router/pattern-router'
import type { Call } from '../core/call.ts'
import type { Definition } from '../core/definition.ts'
import { BadRequestError, ForbiddenError, InternalServerError, reportError } from '../core/errors.ts'
import { logFailure } from '../core/failure.ts'
import { invoke, type Around } from '../core/invoke.ts'
import type { Part, Unit } from '../core/unit.ts'
import { merge, type Fields } from '../http/fields.ts'
import { bySpecificity, decode, normalisePath, normaliseRoute } from '../http/path.ts'
import { errorBody, jsonResponse, respond } from '../http/respond.ts'
import { scoped } from '../http/scoped.ts'
import { createHttp } from '../http/wire.ts'
import type { ChannelOptions } from '../types/channel.ts'
import type { Middleware, Permissions } from '../types/middleware.ts'
import type { UserSession } from '../types/services.ts'
import type { Described } from './connection.ts'

export interface ChannelEntry extends Described {
  readonly route: string
  readonly options: ChannelOptions
}

export interface ChannelPart {
  readonly channels: readonly ChannelEntry[]
  /** By pattern, as of HTTP. */
  readonly middleware?: readonly (readonly [string, readonly Middleware[]])[]
  readonly permissions?: readonly (readonly [string, Permissions])[]
}

/** A client that may come in. */
export interface Opening {
  readonly channel: Described
  readonly openingData: unknown
  readonly session: UserSession | undefined
  /** For the answer: what middleware set, and the protocol that was chosen. */
  readonly headers: Headers
}

/** Makes a connection of the request, or rejects; what it answers is of the platform. */
export type Accept = (unit: Unit, request: Request, call: Call, opening: Opening) => Promise<Response>

/** A browser can set no header, but name protocols: `new WebSocket(url, ['bearer', token])`. */
const BEARER = 'bearer'

const protocolsOf = (request: Request): string[] =>
  (request.headers.get('sec-websocket-protocol') ?? '').split(',').map((name) => name.trim()).filter(Boolean)

/** The request as middleware sees it: a token is where it is in any other request, and nowhere else. */
const askedBy = (request: Request, { tokenParameter }: ChannelOptions): Request => {
  const url = new URL(request.url)
  const headers = new Headers(request.headers)
  const [first, offered] = protocolsOf(request)
  const given = tokenParameter === undefined ? null : url.searchParams.get(tokenParameter)
  if (tokenParameter !== undefined) url.searchParams.delete(tokenParameter)
  const token = (first === BEARER ? offered : undefined) ?? given
  headers.delete('sec-websocket-protocol')
  if (token && !headers.has('authorization')) headers.set('authorization', `Bearer ${token}`)
  return new Request(url, { headers })
}

const checkOrigin = (request: Request, { origins }: ChannelOptions): void => {
  const origin = request.headers.get('origin')
  if (!origins || origin === null || origins.includes(origin)) return
  if (origin.replace(/^https?:\/\//, '') !== new URL(request.url).host) throw new ForbiddenError('The page is of another origin')
}

/** With the channels, for whoever holds their connections. */
export type ChannelsPart = Part & Pick<ChannelPart, 'channels'>

export const channel = (part: ChannelPart): ChannelsPart => ({
  name: 'channel',
  channels: part.channels,
  start: (unit) => {
    const router = new PatternRouter<ChannelEntry>()
    const channels = part.channels.map((one) => ({ ...one, route: normaliseRoute(one.route) })).sort(bySpecificity)
    for (const one of channels) router.add('GET', one.route, one)
    const middleware = scoped(part.middleware)
    const permissions = scoped(part.permissions)

    const open = async (request: Request, outer: Call, path: string, entry: ChannelEntry, found: Record<string, string>): Promise<Response> => {
      const { options } = entry
      const params: Record<string, string> = {}
      for (const [name, value] of Object.entries(found)) if (value !== undefined) params[name] = decode(value)
      const { http, out } = createHttp(askedBy(request, options), path, entry.route, params, 0, outer)
      const call: Call = { ...outer, transport: 'channel', http, fields: { channel: entry.name } }
      let opening: Opening | undefined
      const definition: Definition = {
        id: entry.name, kind: 'sessionless', input: options.input, output: undefined, run: undefined, coerce: undefined, auth: false,
        permissions: undefined, middleware: [], tags: [], expose: false, internal: false,
        func: async (_services, data: unknown) => {
          opening = { channel: entry, openingData: data, session: call.session.value, headers: out.headers }
          return opening
        },
      }
      const around: Around = {
        auth: options.auth, tags: options.tags ?? [],
        middleware: [...middleware(path).flat(), ...(options.middleware ?? [])],
        permissions: [...permissions(path), options.permissions as Permissions | undefined],
      }
      const read = async () => {
        const query = http.request.query() as Fields
        return { data: merge([params, query]), texts: new Set([...Object.keys(params), ...Object.keys(query)]) }
      }
      try {
        checkOrigin(request, options)
        const result = await invoke(unit, definition, call, read, around)
        if (!opening || result !== opening) return respond(result, out)
        const { accept } = unit.host
        if (!accept) throw new InternalServerError(`${unit.name} was built without a place for connections`)
        if (protocolsOf(request)[0] === BEARER) out.headers.set('sec-websocket-protocol', BEARER)
        return await accept(unit, request, call, opening)
      } catch (error) {
        const report = reportError(error)
        await logFailure(unit, call, error, report)
        out.headers.delete('sec-websocket-protocol')
        if (report.status === 401) out.headers.append('www-authenticate', 'Bearer')
        return jsonResponse(report.status, errorBody(report, call.requestId), out.headers)
      }
    }

    return async (request, call, asked) => {
      const path = normalisePath(asked)
      const [match] = request.method === 'GET' ? router.match('GET', path)[0] : []
      if (!match) return undefined
      if (request.headers.get('upgrade')?.toLowerCase() !== 'websocket') {
        const report = reportError(new BadRequestError(`${path} is a channel: open it as a WebSocket`))
        const body = { ...errorBody(report, call.requestId), code: 'upgrade-required' }
        return jsonResponse(426, body, { upgrade: 'websocket', connection: 'Upgrade' })
      }
      return open(request, call, path, ...(match as [ChannelEntry, Record<string, string>]))
    }
  },
})
