/** `#pikku/client`: typed calls from a browser, from Node.js 20 or newer, and from Bun. */
import type { ErrorIssue } from './errors.js'
import type { Answered, Given, Serialised } from './json.js'
import type { Channel, ChannelOptions, ChannelTypes } from './client-channel.js'
import type { Project } from './project.js'
import type { InputIn, NameIn, OutputIn } from './wire.js'

export type { Answered, Given, Serialised } from './json.js'
export type * from './client-channel.js'
export type { ErrorIssue } from './errors.js'

export interface ClientOptions {
  /** Where the application is. Default: where the page comes from. */
  url?: string | URL
  /** Sent as `Authorization: Bearer …`; a function is asked before each call. */
  token?: string | (() => string | null | undefined | Promise<string | null | undefined>)
  /** Sent with every call. */
  headers?: HeadersInit | (() => HeadersInit | Promise<HeadersInit>)
  /** Whether cookies go along: `include` to another origin too. Default: to the same origin. */
  credentials?: RequestCredentials
  /** A cookie whose value is repeated in a header with every call that may change something. Default, where the page
   * and the application are of one origin: `csrf` in `x-csrf-token`, as `csrfToken` has them; false: none. */
  csrf?: { cookie: string; header: string } | false
  /** How long an answer may take; 0: for ever. Default 30,000. Streams have no such limit once they are open. */
  timeoutMs?: number
  /** How often a call is tried again that got no answer, or 429, 502, 503 or 504: GET, PUT and DELETE only. Default 0. */
  retries?: number
  /** Takes the place of the global one. */
  fetch?: (input: string, init: RequestInit) => Promise<Response>
  /** Takes the place of the global one, which Node.js has from version 22. */
  WebSocket?: new (url: string, protocols?: string[]) => WebSocket
}

export interface CallOptions {
  signal?: AbortSignal
  headers?: HeadersInit
  timeoutMs?: number
  retries?: number
  /** The call may be tried again although its method doesn't say so: POST, PATCH, or an RPC. */
  idempotent?: boolean
}

/** Codes that every application has; others are its own. */
export type ErrorCode =
  | 'bad-request' | 'missing-session' | 'invalid-session' | 'unauthorized' | 'forbidden' | 'not-found'
  | 'method-not-allowed' | 'conflict' | 'payload-too-large' | 'unsupported-media-type' | 'unprocessable-content'
  | 'too-many-requests' | 'internal' | 'service-unavailable'

/** The application answered with an error. */
export declare class ApiError extends Error {
  readonly name: 'ApiError'
  readonly status: number
  readonly code: ErrorCode | (string & {})
  /** What is wrong with the data, by path; empty for other errors. */
  readonly issues: readonly ErrorIssue[]
  /** What the error was thrown with. */
  readonly data: unknown
  /** The same as in the application's log. */
  readonly requestId: string | undefined
  /** When it may be tried again, where the answer says so. */
  readonly retryAfterMs: number | undefined
}

/** There was no answer, or none that could be read: `cause` says why. Whether anything was done is not known. */
export declare class NoAnswerError extends Error {
  readonly name: 'NoAnswerError'
  readonly code: 'no-answer' | 'timeout' | 'unreadable'
}

type Word = string | number | boolean | bigint
/** The names in a route: `/books/:isbn/pages/:page{[0-9]+}/:part?`. A wildcard at its end is called "*". */
type Names<Route extends string> = Route extends `${infer Head}/${infer Tail}` ? Names<Head> | Names<Tail> : Name<Route>
type Name<Part extends string> =
  Part extends '*' ? '*' : Part extends `:${infer Named}?` ? `${Bare<Named>}?` : Part extends `:${infer Named}` ? Bare<Named> : never
type Bare<Named extends string> = Named extends `${infer Before}{${string}` ? Before : Named
type Needed<Named extends string> = Named extends `${string}?` ? never : Named
type Optional<Named extends string> = Named extends `${infer Before}?` ? Before : never
type KeyOf<T> = T extends unknown ? keyof T : never

/** What the path needs: a function may take a part of it as its data, or look it up in the request. */
type InPath<Route extends string, In> =
  & { readonly [Name in Needed<Names<Route>> & KeyOf<In>]: {} }
  & { readonly [Name in Exclude<Needed<Names<Route>>, KeyOf<In>>]: Word }
  & { readonly [Name in Exclude<Optional<Names<Route>>, KeyOf<In>>]?: Word }
type IsFree<In> = unknown extends In ? true : [In] extends [void] ? true : false
/** What a call of a route is given. */
export type RouteData<Route extends string, In> =
  [Names<Route>] extends [never] ? Given<In>
  : IsFree<In> extends true ? InPath<Route, {}> & (unknown extends In ? { readonly [name: string]: unknown } : {})
  : Given<In> & InPath<Route, In>

type MayBeLeftOut<Data> =
  unknown extends Data ? true : [Data] extends [undefined | void] ? true : undefined extends Data ? true : {} extends Data ? true : false
type CallArguments<Data, Options = CallOptions> =
  MayBeLeftOut<Data> extends true ? [data?: Data, options?: Options] : [data: Data, options?: Options]

type RouteArguments<Table, Route extends string> =
  Route extends keyof Table ? CallArguments<RouteData<Route, InputIn<Table, Route>>> : [data?: unknown, options?: CallOptions]

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

export type CallRoute<Table> = <Route extends string>(
  route: NameIn<Table, Route>, ...args: RouteArguments<Table, Route>
) => Promise<Answered<OutputIn<Table, Route>>>

/** Each event; what the function returns is the last one. Leaving the loop ends the stream. */
export type StreamRoute<Table> = <Route extends string>(
  route: NameIn<Table, Route>, ...args: RouteArguments<Table, Route>
) => AsyncIterableIterator<Serialised<OutputIn<Table, Route>>>

type RequestRoute = <M extends Method, Route extends string>(
  method: M, route: NameIn<Project['routes'][M], Route>, ...args: RouteArguments<Project['routes'][M], Route>
) => Promise<Response>

export interface RpcClient {
  /** Calls a function with `expose: true`. */
  invoke<N extends string>(
    name: NameIn<Project['exposed'], N>, ...args: CallArguments<Given<InputIn<Project['exposed'], N>>>
  ): Promise<Answered<OutputIn<Project['exposed'], N>>>
}

/** Path, query and body are one object, as the function takes it: what the path doesn't name goes where it belongs. */
export interface Client {
  readonly get: CallRoute<Project['routes']['GET']>
  readonly post: CallRoute<Project['routes']['POST']>
  readonly put: CallRoute<Project['routes']['PUT']>
  readonly patch: CallRoute<Project['routes']['PATCH']>
  readonly delete: CallRoute<Project['routes']['DELETE']>
  /** The response as it is, whatever its status: for headers, and for what is no JSON. */
  readonly request: RequestRoute
  /** Routes with `sse: true`, as they happen. */
  readonly events: {
    readonly get: StreamRoute<Project['streams']['GET']>
    readonly post: StreamRoute<Project['streams']['POST']>
  }
  readonly rpc: RpcClient
  /** Opens a channel by its route; data is what its path and query say. The token goes along as a protocol. */
  channel<Route extends string>(
    route: NameIn<Project['channels'], Route>, data?: Readonly<Record<string, unknown>>, options?: ChannelOptions,
  ): Channel<Route extends keyof Project['channels'] ? Project['channels'][Route] : ChannelTypes>
}

export declare function createClient(options?: ClientOptions): Client
