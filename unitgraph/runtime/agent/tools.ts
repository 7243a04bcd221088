/** A tool's call: the function, by RPC and as the run's caller, and what the model is told of how that went. */
import { reportError } from '../core/errors.ts'
import { toJson } from '../core/json.ts'
import type { AgentOutput } from '../types/agent.ts'
import type { Decisions, ToolGiven, Work } from './given.ts'
import type { ToolCall, ToolResult } from './state.ts'

/** What of a result a model is given; the rest would cost more than it says. */
const MOST_CHARACTERS = 32_000

type Call = (name: string, data: unknown) => Promise<unknown>
type Start = (name: string, data: unknown, options: { id: string }) => Promise<unknown>

/** A result, or what an agent that was called wants to have approved. */
export type Outcome = ToolResult | AgentOutput

export const isSuspended = (outcome: Outcome): outcome is AgentOutput => 'status' in outcome

const bounded = (text: string): string =>
  text.length <= MOST_CHARACTERS ? text : `${text.slice(0, MOST_CHARACTERS)}\n[cut: ${text.length} characters in all]`

const said = (result: unknown, isAgent: boolean): string => {
  if (!isAgent) return bounded(toJson(result) ?? 'null')
  const { text, object } = result as AgentOutput
  return bounded(object === undefined ? text : (toJson(object) ?? text))
}

/** The caller's own mistakes are told in full, since a model can mend them; of everything else, that it failed. */
const failed = (error: unknown, work: Work, tool: ToolGiven): ToolResult => {
  const report = reportError(error)
  const { logger, given } = work
  if (report.status >= 500) logger.error(error instanceof Error ? error : String(error), { agent: given.name, tool: tool.name })
  const issues = report.issues?.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; ')
  const text = report.unknown ? 'The tool failed.' : issues ? `${report.message}: ${issues}` : report.message
  return { value: bounded(`Error ${report.status}: ${text}`), isError: true }
}

const attempt = async (work: Work, tool: ToolGiven, called: () => Promise<unknown>): Promise<Outcome> => {
  try {
    const result = await called()
    if (tool.isAgent && (result as AgentOutput | undefined)?.status === 'suspended') return result as AgentOutput
    return { value: said(result, tool.isAgent === true), isError: false }
  } catch (error) {
    if (work.signal.aborted) throw work.signal.reason
    return failed(error, work, tool)
  }
}

/** `id` is the call's, the same each time that it is made: a workflow's run is begun once. */
export const callTool = (work: Work, tool: ToolGiven, call: ToolCall, id: string): Promise<Outcome> => {
  const { rpc } = work.wire
  return attempt(work, tool, () => tool.isWorkflow
    ? (rpc.startWorkflow as Start)(tool.function, call.input, { id })
    : (rpc.invoke as Call)(tool.function, call.input))
}

/** Goes on with an agent that was called and had something to be approved. */
export const answerAgent = (work: Work, tool: ToolGiven, runId: string, decisions: Decisions): Promise<Outcome> =>
  attempt(work, tool, () => (work.wire.rpc.invoke as Call)(`${tool.function}.approve`, { runId, decisions }))
