/** `#pikku/channel`: WebSocket channels and the functions behind their messages. */
import type { AnyFunction, Author, FunctionKind, Handler, PikkuFunction } from './function.js'
import type { Middleware, Permissions } from './middleware.js'
import type { StandardSchema } from './schema.js'
import type { Services, UserSession } from './services.js'
import type { ChannelWire, Wire } from './wire.js'

type InChannel<Out> = Omit<Wire<UserSession | undefined, Out>, 'channel'> & { readonly channel: ChannelWire<Out> }

/** What connects or disconnects has no input of its own but the opening data. */
interface LifecycleAuthor<Kind extends FunctionKind> {
  <Sent = unknown>(
    func: Handler<Services, never, unknown, InChannel<Sent>>,
  ): PikkuFunction<unknown, Sent, Kind>
  <Sent = unknown>(options: {
    func: Handler<Services, never, unknown, InChannel<Sent>>
    permissions?: Permissions<unknown>
    middleware?: readonly Middleware[]
    tags?: readonly string[]
  }): PikkuFunction<unknown, Sent, Kind>
}

export declare const pikkuChannelFunc: Author<'channel', Services, InChannel<unknown>>
export declare const pikkuChannelConnectionFunc: LifecycleAuthor<'channel-connection'>
export declare const pikkuChannelDisconnectionFunc: LifecycleAuthor<'channel-disconnection'>

export interface ChannelMessage {
  func: AnyFunction
  auth?: boolean
  permissions?: Permissions<unknown>
  middleware?: readonly Middleware[]
  tags?: readonly string[]
}

/** What holds for the opening of a channel, which is a request over HTTP, and for its messages. */
export interface ChannelOptions {
  /** Whether a session is needed: to open it, and for each message that doesn't say otherwise. */
  auth?: boolean
  /** What the path and the query of the opening must be. */
  input?: StandardSchema
  /** Also sees each message's data. */
  permissions?: Permissions<unknown>
  middleware?: readonly Middleware[]
  tags?: readonly string[]
  /** Pages of other origins that may open it, as "https://shop.example"; with it, no others may. */
  origins?: readonly string[]
  /** A parameter of the query that is taken for the bearer token, for clients that can set no header. */
  tokenParameter?: string
}

export interface Channel extends ChannelOptions {
  name: string
  route: string
  onConnect?: AnyFunction
  onDisconnect?: AnyFunction
  onMessage?: AnyFunction | ChannelMessage
  /** By the message's routing property, then by its value: `{ action: { subscribe: { func } } }`. */
  onMessageWiring?: Readonly<Record<string, Readonly<Record<string, AnyFunction | ChannelMessage>>>>
}

export declare function wireChannel(channel: Channel): void
