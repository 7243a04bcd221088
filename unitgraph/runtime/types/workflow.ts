/** `#pikku/workflow`: durable functions. */
import type { AnyFunction, Author, PikkuFunction } from './function.js'
import type { Middleware, Permissions } from './middleware.js'
import type { Project } from './project.js'
import type { Services, UserSession } from './services.js'
import type { InputIn, NameIn, OutputIn, Rpc, RpcName, Wire } from './wire.js'

/** Milliseconds, or `30s`, `5m` = `5min`, `2h`, `7d`. */
export type Duration = number | string

export interface StepOptions<Out = any> {
  retries?: number
  retryDelay?: Duration
  backoff?: 'exponential' | 'linear' | 'fixed'
  timeout?: Duration
  /** The function that undoes what was done, called when the step has failed for good. */
  onError?: RpcName
  /**
   * What undoes the step, called when the run fails or is cancelled after it: the last step's first. A function by name
   * gets the step's input; one that is written here gets its result, `undefined` where nobody knows how the step ended.
   */
  compensate?: RpcName | ((result: Out | undefined) => unknown)
  description?: string
  /** A step that started and whose end is unknown is never run again. */
  once?: boolean
}

/** A database as Kysely has it: `db`. */
export interface Transacting<Transaction> {
  transaction(): { execute<T>(work: (transaction: Transaction) => Promise<T>): Promise<T> }
}

export interface TransactionOptions<Out, Transaction> extends StepOptions<Out> {
  /** `db`: what the step does in it and the record of what it came to are one transaction. */
  transaction: Transacting<Transaction>
}

export interface Approval {
  readonly approved: boolean
  readonly by?: string | undefined
  readonly reason?: string | undefined
  readonly data?: unknown
}

export interface WorkflowWire {
  readonly runId: string
  readonly name: string
  /** Another function, by name: its own unit, its own retries. */
  do<N extends string>(
    step: string, rpc: NameIn<Project['rpc'], N>, data: InputIn<Project['rpc'], N>,
    options?: StepOptions<OutputIn<Project['rpc'], N>>,
  ): Promise<OutputIn<Project['rpc'], N>>
  /** Inline, in a transaction that its record is a part of: the one kind of step whose effects happen exactly once. */
  do<T, Transaction>(
    step: string, inline: (transaction: Transaction) => Promise<T>, options: TransactionOptions<T, Transaction>,
  ): Promise<T>
  /** Inline: runs once, its result is stored. */
  do<T>(step: string, inline: () => T | Promise<T>, options?: StepOptions<T>): Promise<T>
  sleep(step: string, duration: Duration): Promise<void>
  approval(step: string, options?: { timeout?: Duration; description?: string }): Promise<Approval>
  waitForEvent<T = unknown>(step: string, event: string, options?: { timeout?: Duration }): Promise<T>
  cancel(reason?: string): Promise<never>
  /** Branches with scopes of their own, so that each may hold steps in sequence. */
  all<const B extends Readonly<Record<string, () => Promise<unknown>>>>(
    key: string, branches: B,
  ): Promise<{ -readonly [K in keyof B]: Awaited<ReturnType<B[K]>> }>
  now(): Promise<Date>
  random(): Promise<number>
  uuid(): Promise<string>
  patch(id: string): Promise<boolean>
}

/** What a function sees when a workflow's step calls it. */
export interface WorkflowStepWire {
  readonly runId: string
  readonly stepName: string
  readonly attempt: number
  /** The same for every attempt. */
  readonly idempotencyKey: string
}

/** Of all runs of the workflow together, or of those with the same key. */
export interface Limit<Data> {
  limit: number
  key?: (data: Data) => string | number
}

export interface WorkflowOptions<Data> {
  /** No more runs than this are in hand at once; those that wait for something are not. */
  concurrency?: Limit<Data>
  /** No more runs than this begin within a time; as many at once as have not been begun of late. */
  rate?: Limit<Data> & { per: Duration }
  /** Of runs that are due, those with a higher one are had first. Default: 0. */
  priority?: number | ((data: Data) => number)
  /** For how long a run is kept after its end. Default: 30 days. */
  retention?: Duration
}

type WorkflowServices = Services & { readonly workflow: WorkflowWire; readonly rpc: Rpc }
type InWorkflow = Omit<Wire<UserSession | undefined>, 'workflow'> & { readonly workflow: WorkflowWire }

export declare const pikkuWorkflowFunc: Author<'workflow', WorkflowServices, InWorkflow>
export declare const pikkuWorkflow: typeof pikkuWorkflowFunc

type NodeRef<Nodes> = (node: Extract<keyof Nodes, string> | 'trigger', path?: string) => unknown
type Next<Nodes> = Extract<keyof Nodes, string> | readonly Extract<keyof Nodes, string>[]

export interface WorkflowGraph<Nodes extends Readonly<Record<string, RpcName | AnyFunction>>, In> extends WorkflowOptions<In> {
  name?: string
  title?: string
  description?: string
  tags?: readonly string[]
  auth?: boolean
  permissions?: Permissions<unknown>
  middleware?: readonly Middleware[]
  deploy?: 'serverless' | 'server'
  /** Node → the function that it calls, by name. */
  nodes: Nodes
  config?: {
    readonly [Node in keyof Nodes]?: StepOptionsOfNode & {
      input?: (ref: NodeRef<Nodes>) => unknown
      /** The nodes that follow; by branch where the function picks one with `graph.branch(name)`. */
      next?: Next<Nodes> | Readonly<Record<string, Next<Nodes>>>
      onError?: Next<Nodes>
    }
  }
}

type StepOptionsOfNode = Omit<StepOptions, 'onError' | 'compensate'>

export declare function pikkuWorkflowGraph<
  In = unknown, Out = unknown,
  const Nodes extends Readonly<Record<string, RpcName | AnyFunction>> = Readonly<Record<string, RpcName | AnyFunction>>,
>(graph: WorkflowGraph<Nodes, In>): PikkuFunction<In, Out, 'workflow-graph'>
