/** A unit: its functions, what stands around them, and who else can be called. Knows no transport. */
import type { Middleware, Permissions } from '../types/middleware.ts'
import type { AgentRpc, Rpc } from '../types/wire.ts'
import type { Accept } from '../channel/index.ts'
import type { Matched } from '../http/patterns.ts'
import type { Call, RequestCall } from './call.ts'
import { define, type Definition, type FunctionEntry } from './definition.ts'
import type { Errands } from './errand.ts'
import type { QueuePart } from '../queue/index.ts'
import type { SchedulePart } from '../schedule/index.ts'
import type { WorkflowPart } from '../workflow/index.ts'
import type { Tell } from './span.ts'
import type { Services, WireServicesFactory } from './services.ts'
import type { Environment } from './environment.ts'
import type * as pieces from '../pieces.ts'

/** Where a function lives which is in another unit. */
export interface Remote {
  readonly unit: string
  readonly binding: string
}

export type CallRemote = (
  unit: Unit, target: Remote, functionId: string, data: unknown, call: Call, exposed: boolean,
) => Promise<unknown>

/** The signed request, with the body as it is given. */
export type SendRemote = (
  unit: Unit, target: Remote, functionId: string, body: unknown, call: Call, exposed: boolean,
) => Promise<Response>

/** The functions of other units, with what only a unit that calls them needs. */
export interface Remotes {
  readonly functions: Readonly<Record<string, Remote>>
  readonly call: CallRemote
  readonly send: SendRemote
  /** Throws where calls could not be made. */
  check(host: Host): unknown
}

/** Answers a request, of whose URL `path` is a part. */
export type Answer = (request: Request, call: RequestCall, path: string, matched?: Matched) => Promise<Response>

/** What a transport adds to a unit: answers a request, or undefined where it is none of its own. */
export interface Part {
  readonly name: string
  start(unit: Unit): (...asked: Parameters<Answer>) => Promise<Response | undefined> | undefined
}

export interface UnitOptions {
  readonly project?: string
  readonly unit: string
  readonly functions: Readonly<Record<string, FunctionEntry>>
  /** By tag, "*" for all. */
  readonly middleware?: Readonly<Record<string, readonly Middleware[]>>
  readonly permissions?: Readonly<Record<string, Permissions | readonly Permissions[]>>
  /** Services that its functions take: said for people, factories are already cut down to them. */
  readonly required?: readonly string[]
  readonly parts?: readonly Part[]
  readonly pieces?: Pieces
  readonly queue?: QueuePart
  readonly schedule?: SchedulePart
  readonly remote?: Remotes
  /** In a unit that others call: answers a signed call. */
  readonly answers?: Part['start']
  /** In a unit whose functions call others. */
  readonly rpc?: (unit: Unit, call: Call) => Rpc
  readonly errands?: Errands
  readonly workflows?: WorkflowPart
  /** `rpc.startWorkflow`, where a function uses it. */
  readonly starts?: (unit: Unit, outer: Call) => (name: string, data: unknown, options?: { id?: string }) => Promise<{ runId: string }>
  /** In a unit that asks agents: `rpc.agent`, of one call. */
  readonly agents?: (unit: Unit, call: Call, invoke: (functionId: string, data: unknown) => Promise<unknown>) => AgentRpc
}

/**
 * What only some units have a use for: one that stands alone is given those that its functions and wirings need, a process has
 * all. What is wanted and isn't there fails the call, and is never passed over.
 */
export type Pieces = Partial<typeof pieces>

/** The process or isolate that a unit runs in. */
export interface Host {
  readonly project: string
  readonly release: string | undefined
  readonly env: Environment
  readonly wireServices: WireServicesFactory | undefined
  services(): Promise<Services>
  /** The same, once they are there. */
  readonly built: Services | undefined
  /** The unit with a function, where it runs in this process. */
  find?(functionId: string): Promise<Unit | undefined>
  /** Whether a call from elsewhere hasn't been answered here before; `until` is when it is too old anyway, in seconds. */
  isFirst?(callId: string, until: number): boolean
  /** Where connections of channels are held. */
  readonly accept?: Accept
  /** Where spans are told of what happens. */
  readonly tell?: Tell
  /** To all processes of a deployment. */
  readonly messages?: Messages
}

/** What is said is heard at most once, here as well, by those who are there. */
export interface Messages {
  publish(topic: string, payload: string): Promise<void>
  /** Returns what ends it. */
  subscribe(hear: (topic: string, payload: string) => void): () => void
}

export interface Unit {
  readonly name: string
  readonly host: Host
  readonly options: UnitOptions
  readonly pieces: Pieces
  readonly functions: ReadonlyMap<string, Definition>
}

export const createUnit = (options: UnitOptions, host: Host): Unit => ({
  name: options.unit,
  host,
  options,
  pieces: options.pieces ?? {},
  functions: new Map(Object.entries(options.functions).map(([id, entry]) => [id, define(id, entry)])),
})
