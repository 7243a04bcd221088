/**
 * Where a Worker's channels are on Cloudflare: a Durable Object that holds sockets, and which topics each is subscribed to.
 * It sleeps while nobody says anything; what it must know then lies with the sockets. Here, those of streams of events:
 * each a socket from the Worker that answers the stream. Knows no function.
 */
import { pack, toJson, unpack } from '../core/json.ts'
import { fromBase64Url, toBytes } from '../core/text.ts'
import { PING, PONG, type Frame } from './message.ts'
import { createTopics } from './topics.ts'

/** The one object of a Worker. */
export const OBJECT = 'channels'

export interface HeldSocket {
  send(frame: Frame): void
  close(code?: number, reason?: string): void
  serializeAttachment(value: unknown): void
  deserializeAttachment(): unknown
}

export interface ObjectState {
  readonly storage: {
    put(key: string, value: string): Promise<void>
    delete(keys: string | string[]): Promise<unknown>
    list(options: { prefix: string }): Promise<Map<string, string>>
  }
  acceptWebSocket(socket: HeldSocket): void
  getWebSockets(): HeldSocket[]
  setWebSocketAutoResponse(pair: unknown): void
  blockConcurrencyWhile(work: () => Promise<void>): Promise<void>
  waitUntil(work: Promise<unknown>): void
}

declare const WebSocketPair: new () => { 0: HeldSocket; 1: HeldSocket }
declare const WebSocketRequestResponsePair: new (request: string, response: string) => unknown

/** What is asked of an object, besides sockets: `POST` with this as JSON. */
export type ToObject =
  | { readonly do: 'subscribe' | 'unsubscribe'; readonly topic: string; readonly channelId: string }
  | { readonly do: 'publish'; readonly topic: string; readonly except: string | null; readonly text: string; readonly isBytes: boolean }

/** The most that lies with a socket; what is more is stored. */
const ATTACHED_BYTES = 1800
const STORED = 'socket '

interface Attached {
  readonly id: string
  /** Packed; where it isn't there, it is stored. */
  readonly text?: string
}

export interface Place<State> {
  readonly id: string
  /** What of it outlives sleep, besides its topics. */
  state: State
  socket: HeldSocket | undefined
  /** What was published before there was a socket. */
  early: Frame[]
}

/** One that has gone is heard of soon. */
export const sendTo = (socket: HeldSocket, frame: Frame): void => {
  try {
    socket.send(frame)
  } catch {
    // its end is on its way
  }
}

interface Slept<State> {
  readonly state: State
  readonly topics: readonly string[]
}

export class EventStreams<State = null> {
  protected readonly state: ObjectState
  protected readonly topics = createTopics<Place<State>>()
  protected readonly places = new Map<string, Place<State>>()
  /** How many sockets there were as it woke. */
  protected woken = 0

  constructor(state: ObjectState) {
    this.state = state
    state.setWebSocketAutoResponse(new WebSocketRequestResponsePair(PING, PONG))
    void state.blockConcurrencyWhile(() => this.#wake())
  }

  async fetch(request: Request): Promise<Response> {
    if (request.headers.get('upgrade')) return this.open(request)
    const asked = (await request.json()) as ToObject
    if (asked.do === 'publish') {
      const frame = asked.isBytes ? fromBase64Url(asked.text) : asked.text
      for (const { socket, early } of this.topics.of(asked.topic, asked.except)) socket ? sendTo(socket, frame) : early.push(frame)
    } else if (this.topics[asked.do](asked.topic, asked.channelId)) {
      const place = this.places.get(asked.channelId)
      if (place) await this.keep(place)
    }
    return new Response(null, { status: 204 })
  }

  /** A stream's socket: what is published comes out of it. */
  protected async open(request: Request): Promise<Response> {
    const place = this.place(request.headers.get('x-unitgraph-channel') ?? '', null as State)
    return this.accept(place, new Headers())
  }

  async webSocketMessage(_socket: HeldSocket, _message: string | ArrayBuffer): Promise<void> {
    // a stream has nothing to say
  }

  async webSocketClose(socket: HeldSocket): Promise<void> {
    await this.gone(socket)
  }

  async webSocketError(socket: HeldSocket): Promise<void> {
    await this.gone(socket)
  }

  protected placeOf(socket: HeldSocket): Place<State> | undefined {
    return this.places.get((socket.deserializeAttachment() as Attached).id)
  }

  protected place(id: string, state: State): Place<State> {
    const place: Place<State> = { id, state, socket: undefined, early: [] }
    this.places.set(id, place)
    this.topics.open(id, place)
    return place
  }

  protected async accept(place: Place<State>, headers: Headers): Promise<Response> {
    const { 0: client, 1: server } = new WebSocketPair()
    this.state.acceptWebSocket(server)
    place.socket = server
    for (const frame of place.early) sendTo(server, frame)
    place.early = []
    await this.keep(place)
    return new Response(null, { status: 101, headers, webSocket: client } as ResponseInit)
  }

  protected async forget(place: Place<State>): Promise<void> {
    this.topics.close(place.id)
    this.places.delete(place.id)
    await this.state.storage.delete(STORED + place.id)
  }

  protected async gone(socket: HeldSocket): Promise<void> {
    const place = this.placeOf(socket)
    if (place) await this.forget(place)
  }

  /** A socket that isn't there yet is kept once it is. */
  protected async keep({ id, state, socket }: Place<State>): Promise<void> {
    if (!socket) return
    const text = pack({ state, topics: this.topics.topicsOf(id) } satisfies Slept<State>)
    const isSmall = toBytes(text).length <= ATTACHED_BYTES
    socket.serializeAttachment({ id, ...(isSmall && { text }) } satisfies Attached)
    // what was stored before it became small stays until the end, and is not looked at
    if (!isSmall) await this.state.storage.put(STORED + id, text)
  }

  async #wake(): Promise<void> {
    const stored = await this.state.storage.list({ prefix: STORED })
    for (const socket of this.state.getWebSockets()) {
      const { id, text = stored.get(STORED + id) } = socket.deserializeAttachment() as Attached
      stored.delete(STORED + id)
      const { state, topics } = unpack(text ?? toJson({ state: null, topics: [] })) as Slept<State>
      this.place(id, state).socket = socket
      this.woken += 1
      for (const topic of topics) this.topics.subscribe(topic, id)
    }
    // sockets that ended while nobody was there to see it
    const left = [...stored.keys()]
    for (let at = 0; at < left.length; at += 128) await this.state.storage.delete(left.slice(at, at + 128))
  }
}
