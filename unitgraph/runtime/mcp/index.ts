/**
 * A Model Context Protocol server as a part of a unit: Streamable HTTP by the official SDK, each request for itself, so
 * that it runs wherever requests do. What stands around a route stands around it: middleware, sessions, CORS.
 */
import { createMcpHandler, isJsonContentType, type AuthInfo, type ServerEvent, type ServerEventBus } from '@modelcontextprotocol/server'
import type { Call } from '../core/call.ts'
import { define } from '../core/definition.ts'
import { BadRequestError, ForbiddenError, MissingSessionError, reportError, UnsupportedMediaTypeError } from '../core/errors.ts'
import { loggerOf } from '../core/failure.ts'
import { http, type HttpPart } from '../http/index.ts'
import { normalisePath } from '../http/path.ts'
import type { Messages, Part, Unit } from '../core/unit.ts'
import type { Wire } from '../types/wire.ts'
import { errorBody, jsonResponse } from '../http/respond.ts'
import { createItems, type Item, type Items } from './items.ts'
import { mayCome } from './origin.ts'
import { createSchemas } from './schemas.ts'
import { createServer, type Offer } from './server.ts'

export interface McpPart extends Pick<HttpPart, 'middleware' | 'permissions'> {
  readonly route: string
  readonly items: readonly Item[]
}

const ID = 'mcp'
/** What is said to other processes of a deployment. */
const TOPIC = 'mcp'
/** More messages than this are in no batch. */
const MOST = 32

interface Message {
  readonly method?: unknown
  readonly params?: { readonly name?: unknown; readonly uri?: unknown }
}

const FIND: Record<string, (items: Items, params: NonNullable<Message['params']>) => Item | undefined> = {
  'tools/call': (items, { name }) => items.named('tool', String(name)),
  'prompts/get': (items, { name }) => items.named('prompt', String(name)),
  'resources/read': (items, { uri }) => items.at(String(uri))?.[0],
}

/** Clients sign in when HTTP says so; the function's unit would refuse all the same. */
const needsSession = (items: Items, body: unknown): boolean =>
  [body].flat().some((message) => {
    const { method, params } = (message ?? {}) as Message
    const find = typeof method === 'string' && Object.hasOwn(FIND, method) ? FIND[method] : undefined
    return Boolean(find && params && find(items, params)?.needsSession)
  })

/** The SDK passes on what it is given of who asks, to what answers. */
const carry = (call: Call): AuthInfo => ({ token: '', clientId: '', scopes: [], extra: { call } })

/** What a route would answer, in the protocol's words. */
const inProtocol = async (response: Response): Promise<Response> => {
  if (response.status < 400 || !response.headers.get('content-type')?.startsWith('application/json')) return response
  const body = (await response.clone().json()) as { error?: unknown; code?: unknown; jsonrpc?: unknown }
  if (body.jsonrpc !== undefined || typeof body.error !== 'string') return response
  const { error: message, ...data } = body
  const headers = new Headers(response.headers)
  headers.delete('content-length')
  const code = response.status === 400 ? -32700 : response.status < 500 ? -32600 : -32603
  return jsonResponse(response.status, { jsonrpc: '2.0', id: null, error: { code, message, data } }, headers)
}

/** Changes that clients listen to, wherever they are connected. */
const busOver = (messages: Messages, unit: Unit): ServerEventBus => ({
  publish: (event) => {
    messages.publish(TOPIC, JSON.stringify(event)).catch(async (error: unknown) => {
      ;(await loggerOf(unit)).error(error instanceof Error ? error : String(error), { code: 'mcp-bus' })
    })
  },
  subscribe: (listener) => messages.subscribe((topic, payload) => {
    if (topic === TOPIC) listener(JSON.parse(payload) as ServerEvent)
  }),
})

export const mcp = (part: McpPart): Part => ({
  name: 'mcp',
  start: (unit) => {
    const items = createItems(part.items)
    const offer: Offer = {
      unit, items, schemas: createSchemas(unit), resourceUpdated: (uri) => handler.notify.resourceUpdated(uri),
    }
    const handler = createMcpHandler(
      ({ authInfo, ...context }) => createServer(offer, authInfo?.extra?.['call'] as Call, context),
      { ...(unit.host.messages && { bus: busOver(unit.host.messages, unit) }), onerror: (error) => void loggerOf(unit).then((logger) => logger.debug(error.message, { code: 'mcp' })) },
    )
    const calls = new WeakMap<Request, Call>()
    const answer = async (_services: unknown, _data: unknown, wire: Wire): Promise<Response> => {
      const request = wire.http?.request
      const call = request && calls.get(request.raw)
      if (!request || !call) throw new Error('The MCP server is reached over HTTP only')
      // read before, so that it is known to be JSON, and of what size and depth
      const type = request.header('content-type')
      if (!isJsonContentType(type)) throw new UnsupportedMediaTypeError('Send application/json')
      const text = await request.text()
      if (text === '') throw new BadRequestError('The body is empty')
      const parsedBody: unknown = JSON.parse(text)
      if (Array.isArray(parsedBody) && parsedBody.length > MOST) throw new BadRequestError(`A batch has ${MOST} messages at most`)
      if (!wire.session && needsSession(items, parsedBody)) throw new MissingSessionError()
      return handler.fetch(request.raw, { parsedBody, authInfo: carry(call) })
    }
    const auth = items.all.every((item) => item.needsSession)
    const definition = define(ID, { value: { kind: 'sessionless', func: answer, auth } })
    const own: Unit = { ...unit, functions: new Map([[ID, definition]]) }
    const respond = http({ ...part, routes: [{ method: 'POST', route: part.route, function: ID }] }).start(own)
    return async (request, call, path) => {
      if (normalisePath(path) !== part.route) return undefined
      if (!mayCome(request, unit.host.env)) {
        const report = reportError(new ForbiddenError('This origin may not use the MCP server'))
        return inProtocol(jsonResponse(403, errorBody(report, call.requestId)))
      }
      calls.set(request, { ...call })
      const response = await respond(request, call, path)
      return response && inProtocol(response)
    }
  },
})
