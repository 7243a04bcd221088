/** What the official SDK asks of a server, answered from what is offered. A server lives as long as one request. */
import {
  CLIENT_CAPABILITIES_META_KEY, ProtocolError, ProtocolErrorCode, ResourceNotFoundError, Server,
  type InputRequiredResult, type McpRequestContext, type Prompt, type Resource, type ResourceTemplateType,
  type ServerContext, type Tool,
} from '@modelcontextprotocol/server'
import type { Call } from '../core/call.ts'
import { dispatch } from '../core/dispatch.ts'
import type { Errand, Use } from '../core/errand.ts'
import { reportError } from '../core/errors.ts'
import { logFailure } from '../core/failure.ts'
import type { Unit } from '../core/unit.ts'
import { errorBody } from '../http/respond.ts'
import { isTemplate, type Item, type Items } from './items.ts'
import { answersOf, ask, type Question } from './questions.ts'
import { promptResult, resourceResult, toolFailure, toolResult } from './results.ts'
import { wiringOf, type Schemas } from './schemas.ts'
import type { McpState } from './wire.ts'

export interface Offer {
  readonly unit: Unit
  readonly items: Items
  readonly schemas: (item: Item, call: Call) => Promise<Schemas>
  /** Tells who listens that a resource has changed. */
  readonly resourceUpdated: (uri: string) => void
}

interface Asked {
  readonly item: Item
  readonly data: unknown
  /** Names in the data that are texts. */
  readonly texts?: readonly string[]
  readonly uri?: string
}

/** What clients know of an item besides its schema; what isn't there is left out. */
const shown = ({ title, description, mimeType, size, annotations }: Item): Record<string, unknown> =>
  JSON.parse(JSON.stringify({ title, description, mimeType, size, annotations })) as Record<string, unknown>

const argumentsOf = ({ input }: Schemas): Prompt['arguments'] => {
  const required = new Set(Array.isArray(input['required']) ? (input['required'] as unknown[]) : [])
  return Object.entries((input['properties'] ?? {}) as Record<string, { description?: unknown }>).map(([name, { description }]) => ({
    name, ...(typeof description === 'string' && { description }), required: required.has(name),
  }))
}

const USES: Record<string, (offer: Offer, context: ServerContext, args: readonly never[], questions: Question[]) => void | Promise<void>> = {
  elicitInput: (_offer, _context, [question], questions) => void questions.push(question as never),
  sendResourceUpdated: (offer, _context, [uri]) => offer.resourceUpdated(String(uri)),
  sendProgress: (_offer, { mcpReq }, [said]) => {
    const progressToken = mcpReq._meta?.progressToken
    if (progressToken === undefined) return undefined
    const params: Record<string, unknown> = { progressToken, ...(said as unknown as object) }
    return mcpReq.notify({ method: 'notifications/progress', params })
  },
}

/** Runs the function where its unit is. A question that it asked takes the place of whatever became of it. */
const run = async (offer: Offer, call: Call, { item, data, texts, uri }: Asked, context: ServerContext): Promise<unknown> => {
  const questions: Question[] = []
  const answers = answersOf(context, CLIENT_CAPABILITIES_META_KEY)
  const state: McpState = { ...(uri !== undefined && { uri }), ...(answers && { answers }) }
  const errand: Errand = {
    transport: 'mcp', wiring: wiringOf(item), wire: { name: 'mcp', state }, ...(texts && { texts }),
  }
  const use: Use = (method, args) =>
    Object.hasOwn(USES, method) ? USES[method]?.(offer, context, args as readonly never[], questions) : undefined
  const signal = AbortSignal.any([call.signal, context.mcpReq.signal])
  try {
    const value = await dispatch(offer.unit, item.function, data, errand, { ...call, signal }, use)
    if (!questions[0]) return value
  } catch (error) {
    if (!questions[0]) throw error
  }
  return new Suspended(ask(questions[0]))
}

/** In place of a value: the client is asked first. */
class Suspended {
  readonly result: InputRequiredResult
  constructor(result: InputRequiredResult) {
    this.result = result
  }
}

/** Of what isn't a tool, an error is one of the protocol. */
const refusal = async ({ unit }: Offer, call: Call, uri: string | undefined, error: unknown): Promise<ProtocolError> => {
  const report = reportError(error)
  await logFailure(unit, call, error, report)
  if (report.status === 404 && uri !== undefined) return new ResourceNotFoundError(uri, report.message)
  const code = report.status === 400 ? ProtocolErrorCode.InvalidParams
    : report.status < 500 ? ProtocolErrorCode.InvalidRequest : ProtocolErrorCode.InternalError
  return new ProtocolError(code, report.message, { ...errorBody(report, call.requestId), status: report.status })
}

export const createServer = (offer: Offer, call: Call, { era }: McpRequestContext): Server => {
  const { unit, items, schemas } = offer
  const { project, release } = unit.host
  const resources = items.of('resource')
  const server = new Server({ name: project, version: release ?? '0' }, {
    capabilities: {
      ...(items.of('tool').length > 0 && { tools: {} }),
      // before 2026 a subscription needs a stream that outlives its request
      ...(resources.length > 0 && { resources: { subscribe: era === 'modern' } }),
      ...(items.of('prompt').length > 0 && { prompts: {} }),
    },
    inputRequired: { legacyShim: false },
  })
  if (items.of('tool').length > 0) {
    server.setRequestHandler('tools/list', async () => ({
      tools: await Promise.all(items.of('tool').map(async (item) => {
        const { input, output } = await schemas(item, call)
        return { name: item.name, ...shown(item), inputSchema: input, ...(output && { outputSchema: output }) } as Tool
      })),
    }))
    server.setRequestHandler('tools/call', async ({ params }, context) => {
      const item = items.named('tool', params.name)
      if (!item) throw new ProtocolError(ProtocolErrorCode.InvalidParams, `There is no tool ${params.name}`)
      try {
        const value = await run(offer, call, { item, data: params.arguments ?? {} }, context)
        return value instanceof Suspended ? value.result : toolResult(value, item)
      } catch (error) {
        const report = reportError(error)
        await logFailure(unit, call, error, report)
        return toolFailure(errorBody(report, call.requestId))
      }
    })
  }
  if (resources.length > 0) {
    server.setRequestHandler('resources/list', () => ({
      resources: resources.filter((item) => !isTemplate(item))
        .map((item) => ({ uri: item.name, name: item.label ?? item.function, ...shown(item) }) as Resource),
    }))
    server.setRequestHandler('resources/templates/list', () => ({
      resourceTemplates: resources.filter(isTemplate)
        .map((item) => ({ uriTemplate: item.name, name: item.label ?? item.function, ...shown(item) }) as ResourceTemplateType),
    }))
    server.setRequestHandler('resources/read', async ({ params: { uri } }, context) => {
      const found = items.at(uri)
      if (!found) throw new ResourceNotFoundError(uri)
      const [item, data] = found
      try {
        const value = await run(offer, call, { item, data, texts: Object.keys(data), uri }, context)
        return value instanceof Suspended ? value.result : resourceResult(value, item, uri)
      } catch (error) {
        throw await refusal(offer, call, uri, error)
      }
    })
  }
  if (items.of('prompt').length > 0) {
    server.setRequestHandler('prompts/list', async () => ({
      prompts: await Promise.all(items.of('prompt').map(async (item) =>
        ({ name: item.name, ...shown(item), arguments: argumentsOf(await schemas(item, call)) }) as Prompt)),
    }))
    server.setRequestHandler('prompts/get', async ({ params }, context) => {
      const item = items.named('prompt', params.name)
      if (!item) throw new ProtocolError(ProtocolErrorCode.InvalidParams, `There is no prompt ${params.name}`)
      const data = params.arguments ?? {}
      try {
        const value = await run(offer, call, { item, data, texts: Object.keys(data) }, context)
        return value instanceof Suspended ? value.result : promptResult(value, item)
      } catch (error) {
        throw await refusal(offer, call, undefined, error)
      }
    })
  }
  return server
}
