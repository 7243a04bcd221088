/** The part of `#pikku/client` for channels: typed messages over a WebSocket that comes back when it breaks. */
import type { Answered, Given, Serialised } from './json.js'
import type { CallTypes, Project } from './project.js'
import type { ApiError, NoAnswerError } from './client.js'

/** `waiting`: for the next attempt, after it broke. */
export type ChannelState = 'connecting' | 'open' | 'waiting' | 'closed'

export interface ChannelOptions {
  /** How long to wait before the first attempt after a break, twice as long before each further one, up to
   * `longestMs`; a random part of it, so that not all clients come at once. Default 500 and 30,000. */
  firstMs?: number
  longestMs?: number
  /** How many attempts may fail one after the other. Default 10; 0: a channel that breaks stays closed. */
  attempts?: number
  /** How many messages may wait for a connection. Default 200. */
  mostWaiting?: number
  /** How long it may be silent before it is asked whether anybody is there; 0: for ever. Default 30,000. */
  pingMs?: number
  /** How long an answer may take; 0: for ever. Default 30,000. */
  timeoutMs?: number
}

export interface ChannelCallOptions {
  signal?: AbortSignal
  timeoutMs?: number
}

/** What is known of one channel: what opens it, what it says, and the functions behind its messages. */
export interface ChannelTypes {
  connect: CallTypes
  message: CallTypes
  messages: Readonly<Record<string, Readonly<Record<string, CallTypes>>>>
}

export interface ChannelEvents<Message> {
  open: undefined
  /** It broke, and will be tried again. */
  waiting: { readonly failures: number }
  /** For good: closed here or there, refused, or tried too often. */
  close: { readonly code: number; readonly reason: string; readonly cause?: unknown }
  /** What functions send, what is published to topics, and answers to what was only sent. */
  message: Message
  /** A message that nobody waits for an answer to was refused, or one that came can't be read. */
  error: ApiError | NoAnswerError
}

type Name<Table> = Extract<keyof Table, string>
type DataOf<Types> = Types extends { input: infer In } ? Given<In> : never
type OutOf<Types> = Types extends { output: infer Out } ? Out : never
type Optional<Data> = unknown extends Data ? true : [Data] extends [undefined | void] ? true : {} extends Data ? true : false
type Rest<Data, More extends unknown[] = []> =
  Optional<Data> extends true ? [data?: Data, ...more: Partial<More>] : [data: Data, ...more: Partial<More>]

/** An answer to what was sent without waiting has the words by which it was routed. */
type Routed<Messages> = {
  [Property in Name<Messages>]: {
    [Value in Name<Messages[Property]>]: OutOf<Messages[Property][Value]> extends infer Out
      ? Out extends undefined | void ? never : Out extends readonly unknown[] ? Serialised<Out> : Out extends object ? { [P in Property]: Value } & Serialised<Out> : Serialised<Out>
      : never
  }[Name<Messages[Property]>]
}[Name<Messages>]
/** What is published, where the project says what is. */
type Published = string extends keyof Project['topics'] ? never : Serialised<Project['topics'][keyof Project['topics']]>
type Plain<Types> = [OutOf<Types>] extends [never] ? never : unknown extends OutOf<Types> ? never : Exclude<Serialised<OutOf<Types>>, undefined>

/** What is known to come: `channel.send` may say anything else, which no compiler sees. */
export type MessageOf<Types> = Types extends ChannelTypes
  ? [Routed<Types['messages']> | Plain<Types['connect']> | Plain<Types['message']> | Published] extends [never]
    ? unknown
    : Routed<Types['messages']> | Plain<Types['connect']> | Plain<Types['message']> | Published
  : unknown

export interface Channel<Types extends ChannelTypes> {
  readonly state: ChannelState
  /** Returns what ends it. */
  on<Event extends keyof ChannelEvents<unknown>>(
    event: Event, listener: (event: ChannelEvents<MessageOf<Types>>[Event]) => void,
  ): () => void
  /** Every message from now on, until the channel is closed. */
  messages(): AsyncIterableIterator<MessageOf<Types>>
  /** A message that is routed; waits for a connection where there is none. Its answer, if there is one, is a message. */
  send<Property extends Name<Types['messages']>, Value extends Name<Types['messages'][Property]>>(
    property: Property, value: Value, ...data: Rest<DataOf<Types['messages'][Property][Value]>>
  ): void
  /** The same, and its answer; an `ApiError` where it is refused, a `NoAnswerError` where the connection breaks. */
  call<Property extends Name<Types['messages']>, Value extends Name<Types['messages'][Property]>>(
    property: Property, value: Value, ...data: Rest<DataOf<Types['messages'][Property][Value]>, [options: ChannelCallOptions]>
  ): Promise<Answered<OutOf<Types['messages'][Property][Value]>>>
  /** A message for `onMessage`. */
  sendMessage(data: DataOf<Types['message']>): void
  callMessage(data: DataOf<Types['message']>, options?: ChannelCallOptions): Promise<Answered<OutOf<Types['message']>>>
  close(code?: number, reason?: string): void
}
