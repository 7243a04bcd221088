/** What a run has come to, as it is stored: all that it takes to go on with it in another process. */
import type { ModelMessage } from 'ai'
import { PayloadTooLargeError } from '../core/errors.ts'
import type { AgentApproval, AgentOutput, AgentUsage } from '../types/agent.ts'

export interface ToolCall {
  /** As the model calls it. */
  readonly id: string
  readonly name: string
  readonly input: unknown
  /** Why it can't be made. */
  readonly refused?: string
}

export interface ToolResult {
  readonly value: string
  readonly isError: boolean
}

export interface Decision {
  readonly approved: boolean
  readonly reason?: string
}

/** A call that waits: for a decision on itself, or on what an agent that it called wants to do. */
export interface Waiting {
  readonly index: number
  readonly approvals: readonly AgentApproval[]
  /** The run of that agent. */
  readonly run?: string
}

export interface State {
  readonly input: unknown
  readonly messages: readonly ModelMessage[]
  /** The calls of the last message, until all have results. */
  readonly calls: readonly ToolCall[]
  readonly results: Readonly<Record<number, ToolResult>>
  readonly waiting: readonly Waiting[]
  /** By an approval's id. */
  readonly decisions: Readonly<Record<string, Decision>>
  readonly steps: number
  readonly usage: AgentUsage
  /** The answer was not in its form, and the model was told so. */
  readonly isRepaired: boolean
  readonly output?: AgentOutput
}

/** A row of D1 holds two megabytes. */
const MOST_CHARACTERS = 1_500_000

export const writeState = (state: State): string => {
  const text = JSON.stringify(state)
  if (text.length > MOST_CHARACTERS) throw new PayloadTooLargeError('The run has become larger than what is kept of one')
  return text
}

export const readState = (text: string): State => JSON.parse(text) as State

export const approvalsOf = (state: State): AgentApproval[] =>
  state.waiting.flatMap(({ approvals }) => approvals).filter(({ approvalId }) => !Object.hasOwn(state.decisions, approvalId))
