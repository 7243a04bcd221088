/** `#pikku/function`: functions, in their bare form and as objects, with or without schemas. */
import type { Middleware, Permissions } from './middleware.js'
import type { InferInput, InferOutput, StandardSchema } from './schema.js'
import type { Services, UserSession } from './services.js'
import type { Wire } from './wire.js'
import type { WorkflowOptions } from './workflow.js'

export type FunctionKind =
  | 'func' | 'sessionless' | 'void' | 'list' | 'channel' | 'channel-connection' | 'channel-disconnection'
  | 'mcp-tool' | 'mcp-resource' | 'mcp-prompt' | 'trigger' | 'workflow' | 'workflow-graph' | 'agent'

type MaybePromise<T> = T | Promise<T>

/** The one form that every authored function has at run time. `In` is what a caller gives. */
export interface PikkuFunction<In = unknown, Out = unknown, Kind extends FunctionKind = FunctionKind> {
  readonly kind: Kind
  readonly func: (services: never, data: never, wire: never) => unknown
  readonly input?: StandardSchema | undefined
  readonly output?: StandardSchema | undefined
  readonly auth?: boolean | undefined
  readonly permissions?: Permissions | undefined
  readonly middleware?: readonly Middleware[] | undefined
  readonly tags?: readonly string[] | undefined
  readonly expose?: boolean | undefined
  readonly internal?: boolean | undefined
  /** Never there: holds the types. */
  readonly '~types'?: { readonly input: In; readonly output: Out }
}

// `any`: the one type to which every authored function is assignable
export type AnyFunction = PikkuFunction<any, any>

/** What a caller gives and gets. */
export type FunctionTypes<F> = F extends { readonly '~types'?: infer T }
  ? NonNullable<T> extends { readonly input: infer In; readonly output: infer Out }
    ? { input: In; output: Out }
    : never
  : F extends (services: never, data: infer In, ...rest: never[]) => infer Out
    ? { input: In; output: Awaited<Out> }
    : never
export type InputOf<F> = FunctionTypes<F>['input']
export type OutputOf<F> = FunctionTypes<F>['output']

export interface FunctionOptions<Data> {
  /** Whether a session is needed. Default: what the kind says. */
  auth?: boolean
  permissions?: Permissions<Data>
  middleware?: readonly Middleware[]
  tags?: readonly string[]
  name?: string
  title?: string
  summary?: string
  description?: string
  errors?: readonly unknown[]
  /** `POST /rpc/<name>` calls it. */
  expose?: boolean
  /** Never reachable from outside, whatever wires it. */
  internal?: boolean
  remote?: boolean
  /** Also a tool of the MCP server. */
  mcp?: boolean
  /** An agent asks before it calls it. */
  requiresApproval?: boolean
  deploy?: 'serverless' | 'server'
}

export type Handler<S, In, Out, W> = (services: S, data: In, wire: W) => MaybePromise<Out>

type DataOf<I, In> = I extends StandardSchema ? InferOutput<I> : In
type ResultOf<O, Out> = O extends StandardSchema ? InferInput<O> : Out
/** What a caller gets: of a function for nothing, nothing, whatever it returns. */
type Returned<Kind extends FunctionKind, Out> = Kind extends 'void' ? void : Out

/** What only functions of a kind say of themselves. */
type OptionsOf<Kind extends FunctionKind, Data> = Kind extends 'workflow' ? WorkflowOptions<Data> : unknown

/**
 * How a function is written: bare, or an object with both, one or no schema. The types that no schema says come
 * from the type arguments `<In, Out>`, or else from the handler itself.
 */
export interface Author<Kind extends FunctionKind, S, W> {
  <In = unknown, Out = unknown>(func: Handler<S, In, Out, W>): PikkuFunction<In, Returned<Kind, Out>, Kind>
  <
    In = unknown, Out = unknown,
    I extends StandardSchema | undefined = undefined, O extends StandardSchema | undefined = undefined,
  >(
    options: FunctionOptions<DataOf<I, In>> & OptionsOf<Kind, DataOf<I, In>> & {
      input?: I
      output?: O
      func: Handler<S, DataOf<I, In>, ResultOf<O, Out>, W>
    },
  ): PikkuFunction<I extends StandardSchema ? InferInput<I> : In, Returned<Kind, ResultOf<O, Out>>, Kind>
}

/** Needs a session: 401 without one. */
export declare const pikkuFunc: Author<'func', Services, Wire<UserSession>>
/** May have a session, needs none. */
export declare const pikkuSessionlessFunc: Author<'sessionless', Services, Wire>
/** Returns nothing: 204 over HTTP. For schedules and fire-and-forget. */
export declare const pikkuVoidFunc: Author<'void', Services, Wire>
/** Returns a list. Needs a session. */
export declare const pikkuListFunc: Author<'list', Services, Wire<UserSession>>
