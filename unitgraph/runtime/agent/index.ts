/**
 * Agents as functions: one that runs, and one for each thing that can be asked besides. They stand in their unit as
 * any function does, so every transport, session and middleware is what it is everywhere.
 */
import type { LanguageModel, ModelMessage } from 'ai'
import type { FunctionEntry, Runner } from '../core/definition.ts'
import { BadRequestError, InternalServerError, NotFoundError } from '../core/errors.ts'
import type { AgentEvent, AgentInput } from '../types/agent.ts'
import type { Logger, SecretsService, VariablesService } from '../types/services.ts'
import type { Given, Options, Work } from './given.ts'
import { resolveModel } from './models.ts'
import { OPERATIONS, idIn } from './operations.ts'
import { startRun } from './run.ts'
import type { AgentStore } from './store.ts'

/** More agents than these inside each other are taken for a circle. */
const MOST_DEPTH = 8
const MOST_MESSAGE = 100_000
const TITLE = 80

/** Whose runs and threads a caller's are. Somebody without a session has what they know the id of. */
const ownerOf = (session: unknown): string => {
  if (!session) return ''
  const { userId } = session as { userId?: unknown }
  return userId === undefined ? `session ${JSON.stringify(session)}` : `user ${String(userId)}`
}

const workOf = (options: Options, given: Given, parts: Parameters<Runner>[0]): Work => {
  const { services, wire, call } = parts
  if (call.depth > MOST_DEPTH) throw new InternalServerError(`${given.name} was not asked: ${MOST_DEPTH} calls lie inside each other already`)
  const emit = async (event: AgentEvent): Promise<void> => {
    await (wire.agent ?? wire.channel)?.send(event)
  }
  return {
    options, given, emit, wire, services, signal: call.signal, logger: services['logger'] as Logger,
    store: services['aiStorage'] as AgentStore, of: { agent: given.name, owner: ownerOf(wire.session) },
  }
}

const modelOf = (options: Options, given: Given, services: Readonly<Record<string, unknown>>) => (): Promise<LanguageModel> =>
  resolveModel(given.providers, options.model, services['secrets'] as SecretsService, services['variables'] as VariablesService)

const attachmentsOf = ({ attachments = [] }: AgentInput) =>
  attachments.map(({ data, mediaType, filename }) => {
    // an address would be fetched from here, by whoever may talk to the agent
    const isRight = typeof data === 'string' && !/^\w+:\/\//.test(data) && typeof mediaType === 'string'
    if (!isRight) throw new BadRequestError('An attachment is { mediaType, data }, its data as base64')
    return { type: 'file' as const, data, mediaType, ...(typeof filename === 'string' && { filename }) }
  })

const messageOf = (options: Options, data: unknown): { message: ModelMessage; title: string } => {
  const { message } = (data ?? {}) as Partial<AgentInput>
  const text = typeof message === 'string' ? message : options.input ? JSON.stringify(data) : undefined
  if (text === undefined || text === '') throw new BadRequestError('message is missing')
  if (text.length > MOST_MESSAGE) throw new BadRequestError(`The message is longer than ${MOST_MESSAGE} characters`)
  const files = attachmentsOf((data ?? {}) as AgentInput)
  return {
    title: text.slice(0, TITLE),
    message: { role: 'user', content: files.length > 0 ? [{ type: 'text', text }, ...files] : text },
  }
}

const runs = (options: Options, given: Given): Runner => async (parts) => {
  const work = workOf(options, given, parts)
  const data = (parts.data ?? {}) as Readonly<Record<string, unknown>>
  const { message, title } = messageOf(options, data)
  const isNew = data['threadId'] === undefined
  const threadId = isNew ? crypto.randomUUID() : idIn(data, 'threadId')
  // without a session, an id is all that a thread is kept by: only we may choose it
  if (!isNew && work.of.owner === '' && !(await work.store.thread(work.of, threadId))) throw new NotFoundError('There is no such thread')
  const resourceId = data['resourceId'] === undefined ? null : idIn(data, 'resourceId')
  const model = await modelOf(options, given, parts.services)()
  await work.store.openThread(work.of, { id: threadId, resourceId, title })
  return startRun(work, `${given.function}~${crypto.randomUUID()}`, threadId, data, message, model)
}

const operates = (options: Options, given: Given, name: string): Runner => async (parts) => {
  const work = workOf(options, given, parts)
  const operation = OPERATIONS[name]
  if (!operation) throw new NotFoundError(`Agents have no ${name}`)
  return operation(work, (parts.data ?? {}) as never, modelOf(options, given, parts.services))
}

/** The functions of an agent, by their ids. */
export const agent = (options: Options, given: Given, entry: Partial<FunctionEntry> = {}): Record<string, FunctionEntry> => {
  // an operation has data of its own, and asks the agent's permissions about what its run was asked for
  const { input: _input, output: _output, permissions: _permissions, ...around } = options
  const value = (what: object): object => ({ ...what, kind: 'agent', auth: options.auth ?? true })
  return {
    // what its schema says is in `object`
    [given.function]: { ...entry, value: value({ ...options, output: undefined }), run: runs(options, given) },
    ...Object.fromEntries(Object.keys(OPERATIONS).map((name) => [
      `${given.function}.${name}`, { value: value({ ...around, expose: false }), run: operates(options, given, name) },
    ])),
  }
}
