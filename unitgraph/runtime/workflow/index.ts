/**
 * Workflows in a unit. Calling one begins a run, on every transport; whoever works on runs has them executed here, with
 * the unit's services and as whoever began them.
 */
import { createWire, type Call } from '../core/call.ts'
import type { FunctionEntry, Runner } from '../core/definition.ts'
import { dispatch } from '../core/dispatch.ts'
import { closeServices } from '../core/owned.ts'
import { servicesOfCall, type Services } from '../core/services.ts'
import { Session } from '../core/session.ts'
import { readTrace } from '../core/trace.ts'
import type { Unit } from '../core/unit.ts'
import type { Logger, UserSession } from '../types/services.ts'
import type { Wire } from '../types/wire.ts'
import type { WorkflowOptions } from '../types/workflow.ts'
import { asked } from './asked.ts'
import { runGraph, type NodeConfig } from './graph.ts'
import { createExecution, type Execution } from './execution.ts'
import type { Flow } from './flow.ts'
import type { Hidden, Path } from './hidden.ts'
import { readFlow } from './options.ts'
import type { Run } from './run.ts'
import type { Runs } from './runs.ts'
import type { Steps, World } from './steps.ts'
import { stepDigest, stepSpan, withSpan } from './trace.ts'
import { readValue } from './values.ts'
import { createWorkflowWire, type Reach, type StepCall } from './wire.ts'
import { START, STEP } from './wires.ts'

export interface Workflow {
  execute(run: Run, world: World): Execution
}

export interface WorkflowPart {
  /** By name. */
  start(unit: Unit): ReadonlyMap<string, Workflow>
}

/** The run's id where whoever calls has one: so a job that comes twice, or a time that two clocks tell, is one run. */
const idOf = (name: string, { start }: Call, { queue, scheduledTask, http }: Wire): string | undefined => {
  if (start?.id !== undefined) return start.id
  if (queue) return `${name}:${queue.jobId}`
  if (scheduledTask) return `${name}:${scheduledTask.name}:${scheduledTask.executionTime.toISOString()}`
  const given = http?.request.header('idempotency-key')
  return given === undefined ? undefined : `${name}:${given}`
}

/** Calling a workflow begins a run: 202 over HTTP, and the run's id. */
const begin = (name: string, flowOf: (data: unknown) => Flow, hidden?: readonly Path[]): Runner => async ({ services, data, wire, call }) => {
  const runs = services['workflowState'] as Runs
  const id = idOf(name, call, wire)
  const { session, traceparent } = { session: call.session.value, traceparent: call.traceparent }
  const begun = await runs.start(name, data, { id, session, traceparent, parent: call.start?.parent, flow: flowOf(data), hidden })
  wire.http?.response.status(202)
  return begun
}

/** A workflow among a unit's functions, and what may be asked of its runs. `hidden`: the secret fields of its input. */
export const workflow = (name: string, entry: FunctionEntry, hidden?: readonly Path[]): Record<string, FunctionEntry> => {
  const run = begin(name, readFlow(name, typeof entry.value === 'function' ? {} : (entry.value as WorkflowOptions<unknown>)), hidden)
  return { [name]: { ...entry, run }, ...asked(name, entry, run) }
}

const callOf = ({ head }: Run, steps: Steps): Call => {
  const headers = new Headers(head.traceparent === null ? {} : { traceparent: head.traceparent })
  const session = head.principal === null ? undefined : (readValue(head.principal) as UserSession)
  return {
    ...readTrace(headers, head.id.slice(0, 128)), transport: 'workflow', session: new Session(session), depth: 0,
    signal: steps.signal, waitUntil: (work) => void work.catch(() => undefined),
    fields: { runId: head.id, workflow: head.name },
  }
}

/** Each step as whoever began the run: what one step makes of the session is not the next one's. */
const callOfStep = (call: Call, { idempotencyKey, attempt, stepName }: StepCall, signal: AbortSignal): Call => ({
  ...call, session: new Session(call.session.value), signal, traceparent: withSpan(call.traceparent, stepSpan(idempotencyKey, attempt)),
  fields: { ...call.fields, step: stepName },
})

const reachOf = (unit: Unit, call: Call, workflow: string, children: ReadonlySet<string>, hidden: HiddenOf): Reach => ({
  hidden,
  isWorkflow: (id) => children.has(id),
  call: (id, data, step, signal) => {
    const own = callOfStep(call, step, signal)
    return dispatch(unit, id, data, { transport: 'workflow', wiring: STEP, known: { workflowStep: step } }, own)
  },
  node: async (id, data, step, signal) => {
    const own = callOfStep(call, step, signal)
    const wire = { name: 'graph' as const, state: { graphName: workflow, nodeId: step.stepName } }
    let branch: string | undefined
    const output = await dispatch(unit, id, data, { transport: 'workflow', wiring: STEP, known: { workflowStep: step }, wire }, own, (_method, [name]) => {
      branch = String(name)
    })
    return { output, branch }
  },
  startChild: async (name, data, id, parent) => {
    const errand = { transport: 'workflow' as const, wiring: START, known: { start: { id, parent: { ...parent, workflow } } } }
    const traceparent = withSpan(call.traceparent, stepSpan(await stepDigest(parent.id, parent.key), 0))
    await dispatch(unit, name, data, errand, { ...call, session: new Session(call.session.value), traceparent })
  },
})

/** By function. */
type HiddenOf = Readonly<Record<string, Hidden>>

/** Node → the function that it calls. */
export type Graph = Readonly<Record<string, string>>

const createWorkflow = (unit: Unit, name: string, children: ReadonlySet<string>, graph: Graph | undefined, hidden: HiddenOf): Workflow => {
  const definition = unit.functions.get(name)
  if (!definition) throw new Error(`The workflow ${name} in ${unit.name} needs its function, which is not there`)
  return {
    execute: (run, world) => createExecution(run, world, async (steps) => {
      const { host } = unit
      const call = callOf(run, steps)
      const singletons = await host.services()
      const services = servicesOfCall(singletons, call, name)
      const { wire: durable, node } = createWorkflowWire(steps, reachOf(unit, call, name, children, hidden))
      const wire: Wire = { ...createWire(unit, call, name), workflow: durable }
      const own = ((await host.wireServices?.(services as never, wire as never)) ?? {}) as Services
      const all = { ...services, ...own, workflow: durable, rpc: wire.rpc }
      return async () => {
        try {
          const data = readValue(run.input)
          if (!graph) return await definition.func(all as never, data as never, wire as never)
          const { config = {} } = unit.options.functions[name]?.value as { config?: Readonly<Record<string, NodeConfig>> }
          return await runGraph(Object.keys(graph), config, data, (id, given, options) => node(id, graph[id] ?? '', given, options))
        } finally {
          if (host.wireServices) await closeServices(own, services['logger'] as Logger, services)
        }
      }
    }, hidden[name]?.output),
  }
}

/**
 * `children`: the workflows that its own ones call as steps; `graphs`: those that are graphs, by name; `hidden`: secret
 * fields of them and of what they call.
 */
export const workflows = (
  names: readonly string[], children: readonly string[] = [], graphs: Readonly<Record<string, Graph>> = {},
  hidden: HiddenOf = {},
): WorkflowPart => ({
  start: (unit) => new Map(names.map((name) => [name, createWorkflow(unit, name, new Set(children), graphs[name], hidden)])),
})
