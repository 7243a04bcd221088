/** One call: what came in with it, and the wire that functions see of it. */
import type { AgentWire } from '../types/agent.ts'
import type { ChannelWire, CliWire, GraphWire, HttpWire, McpWire, QueueWire, ScheduledTaskWire, Transport, TriggerWire, Wire } from '../types/wire.ts'
import type { WorkflowStepWire } from '../types/workflow.ts'
import type { Session } from './session.ts'
import type { Trace } from './trace.ts'
import type { Unit } from './unit.ts'

/** What a call came through, and what was lent to it. */
export interface Wires {
  readonly http?: HttpWire | undefined
  readonly channel?: ChannelWire | undefined
  readonly queue?: QueueWire | undefined
  readonly scheduledTask?: ScheduledTaskWire | undefined
  readonly mcp?: McpWire | undefined
  readonly trigger?: TriggerWire | undefined
  readonly cli?: CliWire | undefined
  readonly workflowStep?: WorkflowStepWire | undefined
  readonly graph?: GraphWire | undefined
  readonly agent?: AgentWire | undefined
}

export interface Call extends Trace, Wires {
  readonly transport: Transport
  readonly session: Session
  /** How many calls lie between the one from outside and this one. */
  readonly depth: number
  readonly signal: AbortSignal
  /** Keeps a worker alive until the promise has settled. */
  readonly waitUntil: (work: Promise<unknown>) => void
  /** The address of who sent the request. */
  readonly ip?: string | undefined
  /** Of a call that starts a run: which one it is to be. */
  readonly start?: { readonly id?: string; readonly parent?: { readonly id: string; readonly key: string; readonly workflow: string } } | undefined
  /** What log lines say of it besides its ids. */
  readonly fields?: Readonly<Record<string, unknown>>
}

/** Of one request from outside, and of nobody else: the part that answers it says through what it came. */
export interface RequestCall extends Call {
  http: HttpWire | undefined
  /** Its answer is JSON with all the headers that it should have. */
  isDone: boolean
}

/** Names each of them, so that none is forgotten. */
type Told = Wire & { readonly [Name in keyof Wires]-?: Wires[Name] }

/** What is costly is asked of the call when it is asked for; `session` too, since middleware sets it. */
export const createWire = (unit: Unit, call: Call, functionId: string): Wire => {
  let rpc: Wire['rpc'] | undefined
  const wire: Told = {
    transport: call.transport, function: functionId, requestId: call.requestId, waitUntil: call.waitUntil,
    http: call.http, channel: call.channel, queue: call.queue, scheduledTask: call.scheduledTask, mcp: call.mcp, trigger: call.trigger,
    cli: call.cli, workflowStep: call.workflowStep, graph: call.graph, agent: call.agent,
    get traceId() {
      return call.traceId
    },
    get signal() {
      return call.signal
    },
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
      return (rpc ??= (unit.options.rpc ?? unit.pieces.noRpc)?.(unit, call) as Wire['rpc'])
    },
  }
  return wire
}
