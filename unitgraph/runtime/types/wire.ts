/** The third parameter of a function: who called it, through what, and what it may call. */
import type { AgentDecision, AgentWire } from './agent.js'
import type { Project } from './project.js'
import type { UserSession } from './services.js'
import type { WorkflowStepWire, WorkflowWire } from './workflow.js'

/** Whether a call of a function without input may leave the data out. */
export type DataArguments<Input> = unknown extends Input
  ? [data?: Input]
  : [Input] extends [undefined]
    ? [data?: Input]
    : undefined extends Input
      ? [data?: Input]
      : [data: Input]

type Name<Table> = Extract<keyof Table, string>
export type RpcName = Name<Project['rpc']>
export type ExposedName = Name<Project['exposed']>
export type WorkflowName = Name<Project['workflows']>
export type AgentName = Name<Project['agents']>

/**
 * What a name of a table stands for. The name is inferred free and looked up afterwards: were it constrained to the
 * table's names, the type of one call would ask for the types of all functions, and every call would be circular.
 */
export type InputIn<Table, N> = N extends keyof Table ? (Table[N] extends { input: infer In } ? In : never) : unknown
export type OutputIn<Table, N> = N extends keyof Table ? (Table[N] extends { output: infer Out } ? Out : never) : unknown
export type ValueIn<Table, N> = N extends keyof Table ? Table[N] : unknown
/** The name itself, or all names where there is no such one. */
export type NameIn<Table, N> = N extends keyof Table ? N : Extract<keyof Table, string>

export interface Rpc {
  /** Calls a function by name, with the permissions of a direct call, wherever its unit runs. */
  invoke<N extends string>(
    name: NameIn<Project['rpc'], N>, ...data: DataArguments<InputIn<Project['rpc'], N>>
  ): Promise<OutputIn<Project['rpc'], N>>
  /** As `invoke`, for functions with `expose: true` only. For names that come from a client. */
  exposed<N extends string>(
    name: NameIn<Project['exposed'], N>, ...data: DataArguments<InputIn<Project['exposed'], N>>
  ): Promise<OutputIn<Project['exposed'], N>>
  /** As `invoke`, but always through the unit's own address, never in process. */
  remote<N extends string>(
    name: NameIn<Project['rpc'], N>, ...data: DataArguments<InputIn<Project['rpc'], N>>
  ): Promise<OutputIn<Project['rpc'], N>>
  startWorkflow<N extends string>(
    name: NameIn<Project['workflows'], N>, data: InputIn<Project['workflows'], N>, options?: { id?: string },
  ): Promise<{ runId: string }>
  readonly agent: AgentRpc
}

export interface AgentRpc {
  run<N extends string>(
    name: NameIn<Project['agents'], N>, input: InputIn<Project['agents'], N>,
  ): Promise<OutputIn<Project['agents'], N>>
  stream<N extends string>(
    name: NameIn<Project['agents'], N>, input: InputIn<Project['agents'], N>,
  ): Promise<AsyncIterable<unknown>>
  /** Goes on with a run that broke off; of one that ended or waits, its output. */
  resume(runId: string, input?: { readonly decisions?: readonly AgentDecision[] }): Promise<unknown>
  /** Decides about calls that a run waits to make; with the last decision it goes on. */
  approve(runId: string, decisions: readonly AgentDecision[]): Promise<unknown>
}

export interface CookieOptions {
  domain?: string
  path?: string
  /** Seconds. */
  maxAge?: number
  expires?: Date
  httpOnly?: boolean
  secure?: boolean
  sameSite?: 'strict' | 'lax' | 'none'
  partitioned?: boolean
}

export interface HttpRequest {
  readonly method: string
  readonly path: string
  readonly url: string
  readonly raw: Request
  /** The address of who sent it, as far as the platform can know it. */
  readonly ip: string | undefined
  /** Case-insensitive. */
  header(name: string): string | undefined
  cookie(name: string): string | undefined
  params(): Readonly<Record<string, string>>
  /** A name that is given more than once is an array. */
  query(): Readonly<Record<string, string | string[]>>
  /** The body as it came, for signatures. Whoever reads `raw` itself takes it from the function's data. */
  bytes(): Promise<Uint8Array<ArrayBuffer>>
  text(): Promise<string>
}

/** What is set here goes out with whatever the function returns, and with an error too. */
export interface HttpResponse {
  status(code: number): HttpResponse
  header(name: string, value: string): HttpResponse
  /** Adds a further value, as for Link or Vary. */
  append(name: string, value: string): HttpResponse
  cookie(name: string, value: string | null, options?: CookieOptions): HttpResponse
  redirect(location: string, status?: 301 | 302 | 303 | 307 | 308): HttpResponse
}

export interface HttpWire {
  readonly method: string
  readonly path: string
  /** The route's pattern, "/books/:id". */
  readonly route: string
  readonly request: HttpRequest
  readonly response: HttpResponse
  /** What the route's `headers` schema returned; without one, all request headers in lower case. */
  readonly headers: Readonly<Record<string, unknown>>
}

export interface ChannelWire<Out = unknown> {
  readonly channelId: string
  readonly openingData?: unknown
  /** JSON, or bytes as they are; text as bytes with `isBinary`. Resolves when the client has room for more. */
  send(data: Out, isBinary?: boolean): void | Promise<void>
  /** Codes are 1000, 1001, or of the application's own from 3000 to 4999. */
  close(code?: number, reason?: string): void | Promise<void>
}

export interface QueueWire {
  readonly queueName: string
  readonly jobId: string
  /** 1 for the first. */
  readonly attempt: number
  /** However the function ends, the job has failed, and is not tried again. */
  fail(reason?: string): Promise<void>
  /** However the function ends, the job is done with. */
  discard(reason?: string): Promise<void>
  /** A line of the log. */
  updateProgress(percent: number): Promise<void>
}

export interface ScheduledTaskWire {
  readonly name: string
  readonly schedule: string
  /** The time that the schedule names, not the one at which it came to run. */
  readonly executionTime: Date
  /** Says in the log that there was nothing to do. */
  skip(reason?: string): void
}

/** What the person on the other side made of a question. */
export interface McpAnswer<Content = Readonly<Record<string, unknown>>> {
  readonly action: 'accept' | 'decline' | 'cancel'
  /** There where the action is `accept`. */
  readonly content?: Content | undefined
}

export interface McpWire {
  /** Of the resource that is read. */
  readonly uri?: string | undefined
  /** For clients that listen for changes of the resource. */
  sendResourceUpdated(uri: string): void | Promise<void>
  /** For a client that asked for it; others don't hear of it. */
  sendProgress(progress: number, total?: number, message?: string): void | Promise<void>
  /**
   * Asks the person, where the client can. The function ends here, and is called again from its start with the answer:
   * what it does before must bear being done twice. An answer is checked where `schema` is a Standard Schema.
   */
  elicitInput?(request: { message: string; schema?: unknown }): Promise<McpAnswer>
}

export interface TriggerWire<Data = unknown> {
  /** Calls the trigger's function. Rejects where that fails, which the log has in any case. */
  invoke(data: Data): Promise<void>
  /** Says that the source has failed: it is ended, and started anew after a while. */
  fail(error: unknown): void
}

export interface CliWire {
  readonly program: string
  readonly command: readonly string[]
  /** Who calls: `Bearer` and the token in `UNITGRAPH_TOKEN`. */
  readonly authorization?: string | undefined
}

export type Transport =
  | 'http' | 'rpc' | 'queue' | 'scheduler' | 'channel' | 'mcp' | 'agent' | 'workflow' | 'trigger' | 'cli'

export interface Wire<Session = UserSession | undefined, Out = unknown> {
  readonly transport: Transport
  /** The name of the function that is called. */
  readonly function: string
  readonly session: Session
  /** Over HTTP with a cookie session, it is kept for the next request. */
  setSession(session: UserSession): void | Promise<void>
  clearSession(): void | Promise<void>
  readonly rpc: Rpc
  /** The same on every log line of this request and of the calls that it makes. */
  readonly requestId: string
  readonly traceId: string
  /** Aborts when the client has gone, or the deadline has come. */
  readonly signal: AbortSignal
  /** For work that the answer doesn't wait for: a worker lives until it is done, a process doesn't stop before. */
  waitUntil(work: Promise<unknown>): void
  readonly http?: HttpWire | undefined
  readonly channel?: ChannelWire<Out> | undefined
  readonly queue?: QueueWire | undefined
  readonly scheduledTask?: ScheduledTaskWire | undefined
  readonly mcp?: McpWire | undefined
  readonly trigger?: TriggerWire | undefined
  readonly cli?: CliWire | undefined
  readonly agent?: AgentWire | undefined
  readonly workflow?: WorkflowWire | undefined
  readonly workflowStep?: WorkflowStepWire | undefined
  readonly graph?: GraphWire | undefined
}

export interface GraphWire {
  readonly graphName: string
  readonly nodeId: string
  branch(name: string): void
}
