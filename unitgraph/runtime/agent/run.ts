/**
 * A run: the model is asked, the tools that it wants are called, until it has nothing more to ask for. Each step is
 * stored before the next, so that a run whose process died goes on where it was; a tool may then be called once more.
 */
import type { LanguageModel, ModelMessage, ToolModelMessage } from 'ai'
import { BadGatewayError, ConflictError } from '../core/errors.ts'
import type { AgentApproval, AgentOutput } from '../types/agent.ts'
import type { ToolGiven, Work } from './given.ts'
import { remember, summarise, type Remembered } from './memory.ts'
import { approvalsOf, readState, writeState, type State, type ToolCall, type ToolResult, type Waiting } from './state.ts'
import { askModel } from './step.ts'
import type { Run, RunStatus } from './store.ts'
import { answerAgent, callTool, isSuspended } from './tools.ts'

const MAX_STEPS = 10
/** However high an author sets it. */
const MOST_STEPS = 100
const LEASE_MS = 15_000
const RENEW_MS = 5000
const APPROVAL_MS = 7 * 86_400_000

/** A run and what it has come to; it moves from version to version. */
interface Head {
  run: Run
  state: State
}

const save = async (
  { store }: Work, head: Head, status: RunStatus, state: State, messages: readonly ModelMessage[] = [], expiresMs: number | null = null,
): Promise<void> => {
  const leaseMs = status === 'running' ? Date.now() + LEASE_MS : 0
  const change = { status, leaseMs, expiresMs, state: writeState(state) }
  if (!(await store.advance(head.run, change, messages))) throw new ConflictError('Somebody else went on with this run')
  head.run = { ...head.run, ...change, version: head.run.version + 1 }
  head.state = state
}

/** Keeps the run while work on it goes on. Where it fails or the caller goes, the run is free at once. */
const holding = async (work: Work, head: Head, what: () => Promise<AgentOutput>): Promise<AgentOutput> => {
  const timer = setInterval(() => void work.store.renew(head.run, Date.now() + LEASE_MS).catch(() => undefined), RENEW_MS)
  try {
    return await what()
  } catch (error) {
    const change = { status: 'failed' as const, leaseMs: 0, expiresMs: null, state: writeState(head.state) }
    await work.store.advance(head.run, change, []).catch(() => false)
    throw error
  } finally {
    clearInterval(timer)
  }
}

const instructionsOf = ({ options: { role, goal, instructions } }: Work, { summary }: Remembered): string =>
  [role && `You are ${role}.`, goal && `Your goal: ${goal}`, instructions, summary && `What was said before, in short: ${summary}`]
    .filter(Boolean).join('\n\n')

const resultMessage = (calls: readonly ToolCall[], results: State['results']): ToolModelMessage => ({
  role: 'tool',
  content: calls.map(({ id, name }, index) => {
    const { value, isError } = results[index] as ToolResult
    return { type: 'tool-result', toolCallId: id, toolName: name, output: { type: isError ? 'error-text' : 'text', value } }
  }),
})

const toolOf = ({ given }: Work, call: ToolCall): ToolGiven | undefined => given.tools.find(({ name }) => name === call.name)

/** An approval's id: which call of which step. What an agent below waits for has its own after that. */
const idOf = (state: State, index: number): string => `${state.steps}.${index}`

const approvalsBelow = (prefix: string, output: AgentOutput): AgentApproval[] =>
  (output.approvals ?? []).map((approval) => ({ ...approval, approvalId: `${prefix}/${approval.approvalId}`, agent: approval.agent ?? output.agent }))

/** What becomes of one call now: a result, or something to wait for. */
const settle = async (work: Work, run: Run, state: State, call: ToolCall, index: number): Promise<ToolResult | Waiting> => {
  if (call.refused !== undefined) return { value: call.refused, isError: true }
  const tool = toolOf(work, call)
  if (!tool) return { value: 'There is no such tool any more.', isError: true }
  const id = idOf(state, index)
  const waited = state.waiting.find((one) => one.index === index)
  const suspended = (output: AgentOutput): Waiting => ({ index, run: output.runId, approvals: approvalsBelow(id, output) })
  if (waited?.run !== undefined) {
    const decisions = waited.approvals.flatMap(({ approvalId }) => {
      const decision = Object.hasOwn(state.decisions, approvalId) ? state.decisions[approvalId] : undefined
      return decision ? [{ approvalId: approvalId.slice(id.length + 1), ...decision }] : []
    })
    const outcome = await answerAgent(work, tool, waited.run, decisions)
    return isSuspended(outcome) ? suspended(outcome) : outcome
  }
  if (tool.approval) {
    const decision = Object.hasOwn(state.decisions, id) ? state.decisions[id] : undefined
    if (!decision) return { index, approvals: [{ approvalId: id, tool: tool.name, input: call.input }] }
    if (!decision.approved) return { value: `Not approved${decision.reason ? `: ${decision.reason}` : '.'}`, isError: true }
  }
  const outcome = await callTool(work, tool, call, `${run.id}:${id}`)
  return isSuspended(outcome) ? suspended(outcome) : outcome
}

/** Makes every call that can be made; true where all have results. */
const callTools = async (work: Work, head: Head): Promise<boolean> => {
  const { run, state } = head
  const open = state.calls.map((call, index) => ({ call, index })).filter(({ index }) => !state.results[index])
  const settled = await Promise.all(open.map(async ({ call, index }) => {
    const outcome = await settle(work, run, state, call, index)
    if ('value' in outcome) {
      await work.emit({ type: 'tool-result', toolCallId: call.id, tool: call.name, isError: outcome.isError, result: outcome.value })
    }
    return { index, outcome }
  }))
  const results = { ...state.results }
  const waiting: Waiting[] = []
  for (const { index, outcome } of settled) {
    if ('value' in outcome) results[index] = outcome
    else waiting.push(outcome)
  }
  const next = { ...state, results, waiting }
  if (waiting.length > 0) {
    await save(work, head, 'suspended', next, [], Date.now() + (work.options.approvalTimeoutMs ?? APPROVAL_MS))
    return false
  }
  const messages = [...state.messages, resultMessage(state.calls, results)]
  await save(work, head, 'running', { ...next, messages, calls: [], results: {}, decisions: {} })
  return true
}

const outputOf = (work: Work, head: Head, status: AgentOutput['status'], more: Partial<AgentOutput> = {}): AgentOutput => ({
  runId: head.run.id, threadId: head.run.threadId, agent: work.given.name, status, text: '', steps: head.state.steps,
  usage: head.state.usage, ...more,
})

/** What the answer is by the output's schema; undefined where it is not. */
const objectOf = async ({ options }: Work, text: string): Promise<{ object: unknown } | { problem: string }> => {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return { problem: 'it is no JSON' }
  }
  const checked = await options.output?.['~standard'].validate(value)
  if (!checked?.issues) return { object: checked?.value }
  return { problem: checked.issues.map(({ message, path = [] }) => `${path.map(String).join('.')}: ${message}`).join('; ').slice(0, 2000) }
}

const finish = async (work: Work, head: Head, text: string, finishReason: string, model: LanguageModel): Promise<AgentOutput | undefined> => {
  const found = work.options.output ? await objectOf(work, text) : undefined
  if (found && 'problem' in found) {
    if (head.state.isRepaired || head.state.steps >= most(work)) throw new BadGatewayError('The model did not answer in the form that was asked for')
    const ask = `Your answer is not in the form that was asked for: ${found.problem}. Answer again, with nothing but the JSON.`
    await save(work, head, 'running', {
      ...head.state, isRepaired: true, messages: [...head.state.messages, { role: 'user', content: ask }],
    })
    return undefined
  }
  const output = outputOf(work, head, 'completed', { text, finishReason, ...(found && { object: found.object }) })
  await save(work, head, 'completed', { ...head.state, output }, head.state.messages)
  try {
    await summarise(work, head.run.threadId, model)
  } catch (error) {
    work.logger.warn('A thread could not be summed up', { error, threadId: head.run.threadId })
  }
  return output
}

const most = ({ options: { maxSteps = MAX_STEPS } }: Work): number => Math.min(Math.max(1, maxSteps), MOST_STEPS)

const ask = async (work: Work, head: Head, model: LanguageModel, remembered: Remembered) => {
  const { state } = head
  const started = performance.now()
  const step = await askModel({
    model, options: work.options, given: work.given, instructions: instructionsOf(work, remembered),
    messages: [...remembered.messages, ...state.messages], signal: work.signal,
    onText: work.wire.agent || work.wire.channel ? (text) => work.emit({ type: 'text', text }) : undefined,
  })
  const usage = {
    inputTokens: state.usage.inputTokens + step.usage.inputTokens, outputTokens: state.usage.outputTokens + step.usage.outputTokens,
  }
  work.logger.info('model asked', {
    agent: work.given.name, runId: head.run.id, model: work.options.model, step: state.steps + 1, finish: step.finish,
    calls: step.calls.length, ms: Math.round(performance.now() - started), ...step.usage,
  })
  await save(work, head, 'running', {
    ...state, usage, steps: state.steps + 1, calls: step.calls,
    messages: step.message ? [...state.messages, step.message] : state.messages,
  })
  for (const { id, name, input } of step.calls) await work.emit({ type: 'tool-call', toolCallId: id, tool: name, input })
  return step
}

/** Goes on until there is an output: of a run that ended, or that waits for approvals. */
const drive = async (work: Work, head: Head, model: LanguageModel): Promise<AgentOutput> => {
  const remembered = await remember(work, head.run.threadId)
  for (;;) {
    if (head.state.calls.length > 0 && !(await callTools(work, head))) {
      const approvals = approvalsOf(head.state)
      await work.emit({ type: 'approvals', approvals })
      return outputOf(work, head, 'suspended', { approvals })
    }
    let last: { text: string; reason: string } | undefined
    if (head.state.steps >= most(work)) last = { text: '', reason: 'max-steps' }
    else {
      const { text, calls, finish: reason } = await ask(work, head, model, remembered)
      if (calls.length === 0) last = { text, reason }
    }
    const output = last && (await finish(work, head, last.text, last.reason, model))
    if (output) return output
  }
}

export const startRun = async (
  work: Work, id: string, threadId: string, input: unknown, message: ModelMessage, model: LanguageModel,
): Promise<AgentOutput> => {
  const state: State = {
    input, messages: [message], calls: [], results: {}, waiting: [], decisions: {}, steps: 0,
    usage: { inputTokens: 0, outputTokens: 0 }, isRepaired: false,
  }
  const now = Date.now()
  const run: Run = {
    ...work.of, id, threadId, status: 'running', version: 1, leaseMs: now + LEASE_MS, expiresMs: null, state: writeState(state),
    updatedMs: now,
  }
  await work.store.createRun(run)
  await work.emit({ type: 'run', runId: id, threadId })
  const head = { run, state }
  return holding(work, head, () => drive(work, head, model))
}

/** Takes a run that nobody works on, with whatever was decided meanwhile, and goes on with it. */
export const goOn = async (work: Work, run: Run, state: State, model: LanguageModel): Promise<AgentOutput> => {
  const head = { run, state }
  await save(work, head, 'running', state)
  await work.emit({ type: 'run', runId: run.id, threadId: run.threadId })
  return holding(work, head, () => drive(work, head, model))
}

/** What is known of a run without going on with it. */
export const outputOfRun = (work: Work, run: Run): AgentOutput => {
  const state = readState(run.state)
  if (state.output) return state.output
  const approvals = run.status === 'suspended' ? { approvals: approvalsOf(state) } : {}
  return outputOf(work, { run, state }, run.status, approvals)
}
