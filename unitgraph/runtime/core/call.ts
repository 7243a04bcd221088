/** One call: what came in with it, and the wire that functions see of it. */
import type { AgentWire } from '../types/agent.ts'
import type { ChannelWire, CliWire, GraphWire, HttpWire, McpWire, QueueWire, Rpc, ScheduledTaskWire, Transport, TriggerWire, Wire } from '../types/wire.ts'
import type { WorkflowStepWire } from '../types/workflow.ts'
import type { Session } from './session.ts'
import type { Trace } from './trace.ts'

export interface Call extends Trace {
  readonly transport: Transport
  readonly session: Session
  /** How many calls lie between the one from outside and this one. */
  readonly depth: number
  readonly signal: AbortSignal
  /** Keeps a worker alive until the promise has settled. */
  readonly waitUntil: (work: Promise<unknown>) => void
  readonly http?: HttpWire | undefined
  readonly channel?: ChannelWire | undefined
  readonly queue?: QueueWire | undefined
  readonly scheduledTask?: ScheduledTaskWire | undefined
  readonly mcp?: McpWire | undefined
  readonly trigger?: TriggerWire | undefined
  readonly cli?: CliWire | undefined
  /** The address of who sent the request. */
  readonly ip?: string | undefined
  readonly workflowStep?: WorkflowStepWire | undefined
  readonly graph?: GraphWire | undefined
  /** Of a call that starts a run: which one it is to be. */
  readonly start?: { readonly id?: string; readonly parent?: { readonly id: string; readonly key: string; readonly workflow: string } } | undefined
  readonly agent?: AgentWire | undefined
  /** What log lines say of it besides its ids. */
  readonly fields?: Readonly<Record<string, unknown>>
}

/** `session` is read when it is asked for, since middleware sets it. */
export const createWire = (call: Call, makeRpc: () => Rpc, functionId: string): Wire => {
  let rpc: Rpc | undefined
  return {
    ...call,
    function: functionId,
    get session() {
      return call.session.value
    },
    setSession: (session) => {
      call.session.value = session
    },
    clearSession: () => {
      call.session.value = undefined
    },
    // most functions call no other
    get rpc() {
      return (rpc ??= makeRpc())
    },
  }
}
