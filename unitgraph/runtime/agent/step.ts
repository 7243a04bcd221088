/// <reference path="./modules.d.ts" />
/** One question to the model and its answer. Knows the SDK and its errors, neither tools' work nor storage. */
import {
  generateText, jsonSchema, Output, stepCountIs, streamText, tool, type LanguageModel, type ModelMessage, type Request_,
  type Said,
} from 'ai'
import { BadGatewayError, GatewayTimeoutError, ServiceUnavailableError } from '../core/errors.ts'
import { refuseKeys } from '../core/json.ts'
import type { AgentUsage } from '../types/agent.ts'
import type { Given, Options } from './given.ts'
import { inputSchema, type JsonSchema } from './schema.ts'
import type { ToolCall } from './state.ts'

/** What it is not allowed to do in one answer, however a model was talked into it. */
const MOST_CALLS = 32
const MOST_NAME = 64
const TIMEOUT_MS = 120_000
const RETRIES = 2

const SUB_AGENT: JsonSchema = {
  type: 'object', required: ['message'], properties: { message: { type: 'string' }, threadId: { type: 'string' } },
}

export interface Step {
  readonly message: ModelMessage | undefined
  readonly text: string
  readonly calls: readonly ToolCall[]
  readonly finish: string
  readonly usage: AgentUsage
}

export interface Asked {
  readonly model: LanguageModel
  readonly options: Options
  readonly given: Given
  readonly instructions: string
  readonly messages: readonly ModelMessage[]
  readonly signal: AbortSignal
  /** Gets the text as it comes; without it the answer comes whole. */
  readonly onText?: ((text: string) => Promise<void>) | undefined
}

const toolsOf = ({ tools }: Given) =>
  Object.fromEntries(tools.map(({ name, description, input, isAgent }) => [name, tool({
    inputSchema: jsonSchema(input ? inputSchema(input) : isAgent ? SUB_AGENT : { type: 'object', properties: {} }),
    ...(description !== undefined && { description }),
  })]))

const callOf = (said: Said, index: number, given: Given): ToolCall => {
  const call = { id: said.toolCallId, name: said.toolName.slice(0, MOST_NAME), input: said.input }
  if (!given.tools.some(({ name }) => name === said.toolName)) {
    return { ...call, refused: `There is no tool of this name. There are: ${given.tools.map(({ name }) => name).join(', ') || 'none'}.` }
  }
  if (index >= MOST_CALLS) return { ...call, refused: `Not called: more than ${MOST_CALLS} calls at once.` }
  if (said.invalid || typeof said.input !== 'object' || !said.input || Array.isArray(said.input)) {
    return { ...call, input: {}, refused: 'The arguments are no JSON object.' }
  }
  try {
    refuseKeys(said.input, 'arguments')
  } catch {
    return { ...call, input: {}, refused: 'The arguments have names that are not allowed.' }
  }
  return call
}

/** What the run's caller may know of a provider's failure, which is nothing that the provider said. */
const modelError = (error: unknown, timedOut: boolean): unknown => {
  if (timedOut) return new GatewayTimeoutError('The model took too long to answer', { cause: error })
  const last = ((error as { lastError?: unknown } | undefined)?.lastError ?? error) as { name?: string; statusCode?: number } | undefined
  if (!last?.name?.startsWith('AI_')) return error
  const { statusCode: status } = last
  const cause = new Error(`${last.name}${status === undefined ? '' : ` (status ${status})`}: ${messageOf(last)}`)
  if (status === 429 || status === 503 || status === 529) return new ServiceUnavailableError('The model is overloaded', { cause })
  return new BadGatewayError('The model did not answer', { cause })
}

/** The provider's words for the log: short, and without what was sent. */
const messageOf = (error: unknown): string => String((error as Error).message).slice(0, 300)

export const askModel = async (asked: Asked): Promise<Step> => {
  const { options, given, onText } = asked
  const timeout = AbortSignal.timeout(options.timeoutMs ?? TIMEOUT_MS)
  // read by us, since a text that is not in its form is something to be mended
  const output = options.output && {
    ...Output.object({ schema: jsonSchema(inputSchema(options.output)) }), parseCompleteOutput: async ({ text }: { text: string }) => text,
  }
  const request: Request_ = {
    model: asked.model,
    messages: [...asked.messages],
    maxRetries: RETRIES,
    abortSignal: AbortSignal.any([asked.signal, timeout]),
    stopWhen: stepCountIs(1),
    ...(asked.instructions && { instructions: asked.instructions }),
    ...(given.tools.length > 0 && { tools: toolsOf(given), toolChoice: options.toolChoice ?? 'auto' }),
    ...(output && { output }),
    ...(options.temperature !== undefined && { temperature: options.temperature }),
    ...(options.maxOutputTokens !== undefined && { maxOutputTokens: options.maxOutputTokens }),
  }
  try {
    const result = onText ? await streamed(request, onText) : await generateText(request)
    const [toolCalls, response, usage] = await Promise.all([result.toolCalls, result.response, result.usage])
    const message = response.messages.find(({ role, content }) => role === 'assistant' && content.length > 0)
    return {
      message,
      text: await result.text,
      calls: toolCalls.map((said, index) => callOf(said, index, given)),
      finish: await result.finishReason,
      usage: { inputTokens: usage.inputTokens ?? 0, outputTokens: usage.outputTokens ?? 0 },
    }
  } catch (error) {
    if (asked.signal.aborted) throw asked.signal.reason
    throw modelError(error, timeout.aborted)
  }
}

const streamed = async (request: Request_, onText: (text: string) => Promise<void>) => {
  const result = streamText({ ...request, onError: () => undefined })
  for await (const part of result.fullStream) {
    if (part.type === 'text-delta') await onText(part.text)
    if (part.type === 'error') throw part.error
    if (part.type === 'abort') throw new DOMException('The model was not listened to any longer', 'AbortError')
  }
  return result
}
