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
}

export interface Channel {
  name: string
  route: string
  auth?: boolean
  input?: StandardSchema
  onConnect?: AnyFunction
  onDisconnect?: AnyFunction
  onMessage?: AnyFunction | ChannelMessage
  /** By the message's routing property, then by its value: `{ action: { subscribe: { func } } }`. */
  onMessageWiring?: Readonly<Record<string, Readonly<Record<string, AnyFunction | ChannelMessage>>>>
  permissions?: Permissions<unknown>
  middleware?: readonly Middleware[]
  tags?: readonly string[]
}

export declare function wireChannel(channel: Channel): void
