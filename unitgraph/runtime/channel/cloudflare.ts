/** The connections of a channel on Cloudflare: in a Durable Object that sleeps between messages, with their sessions. */
import type { Environment } from '../core/environment.ts'
import { NotFoundError, reportError } from '../core/errors.ts'
import { logFailure, loggerOf } from '../core/failure.ts'
import { pack, unpack } from '../core/json.ts'
import { readTrace } from '../core/trace.ts'
import type { Unit } from '../core/unit.ts'
import type { Start } from '../entry/cloudflare.ts'
import { errorBody, jsonResponse } from '../http/respond.ts'
import type { UserSession } from '../types/services.ts'
import { createConnection, type Connection } from './connection.ts'
import type { Accept, ChannelsPart } from './index.ts'
import { EventStreams, OBJECT, sendTo, type HeldSocket, type ObjectState, type Place } from './streams.ts'

interface State {
  readonly channel: string
  readonly openingData: unknown
  readonly session: UserSession | undefined
}

interface Namespace {
  idFromName(name: string): unknown
  get(id: unknown): { fetch(request: Request): Promise<Response> }
}

const STATE = 'x-unitgraph-opening'

/** What the Worker of this bundle is started with; set as its entry is loaded, which is before any object is made. */
let own: Start | undefined

/** For the worker's entry: where it is bound to its objects. */
export const sockets = (binding: string) => (start: Start): Accept => {
  own = start
  return async (unit, _request, call, { channel, openingData, session, headers }) => {
    const objects = unit.host.env[binding] as Namespace
    const state: State = { channel: channel.name, openingData, session }
    const asked = new Request('https://channels/', {
      headers: {
        upgrade: 'websocket', traceparent: call.traceparent, 'x-request-id': call.requestId,
        'x-unitgraph-channel': `${unit.name}.${crypto.randomUUID()}`,
        [STATE]: encodeURIComponent(pack(state)),
        'x-unitgraph-headers': encodeURIComponent(JSON.stringify([...headers])),
      },
    })
    return objects.get(objects.idFromName(OBJECT)).fetch(asked)
  }
}

export class ChannelSockets extends EventStreams<State> {
  readonly #env: Environment
  readonly #connections = new Map<string, Connection>()

  constructor(state: ObjectState, env: Environment) {
    super(state)
    this.#env = env
  }

  async #unit(): Promise<Unit> {
    if (!own) throw new Error('The objects of channels are made by the Worker whose they are')
    const { unit } = await own(this.#env, { waitUntil: (work) => this.state.waitUntil(work) })
    const connections = this.woken
    this.woken = 0
    if (connections > 0) (await loggerOf(unit)).debug('channels awake', { connections })
    return unit
  }

  /** As it was before the object slept, or new. */
  async #connection(place: Place<State>): Promise<Connection> {
    const unit = await this.#unit()
    const known = this.#connections.get(place.id)
    if (known) return known
    const { channel: name, openingData, session } = place.state
    const channel = unit.options.parts?.flatMap((part) => (part as Partial<ChannelsPart>).channels ?? []).find((one) => one.name === name)
    if (!channel) throw new NotFoundError(`There is no channel ${name} any more`)
    const made = createConnection({ id: place.id, openingData, session }, {
      unit, channel,
      waitUntil: (work) => this.state.waitUntil(work),
      keep: (kept) => {
        place.state = { channel: name, openingData, session: kept.session }
        this.state.waitUntil(this.keep(place))
      },
    })
    this.#connections.set(place.id, made)
    if (place.socket) this.#attach(made, place.socket)
    return made
  }

  #attach(connection: Connection, socket: HeldSocket): void {
    connection.attach({ send: (frame) => sendTo(socket, frame), close: (code, reason) => socket.close(code, reason) })
  }

  protected override async open(request: Request): Promise<Response> {
    const read = (name: string): string => decodeURIComponent(request.headers.get(name) ?? '')
    const place = this.place(request.headers.get('x-unitgraph-channel') ?? '', unpack(read(STATE)) as State)
    const trace = readTrace(request.headers)
    const connection = await this.#connection(place)
    try {
      await connection.connect(trace)
    } catch (error) {
      await this.forget(place)
      const report = reportError(error)
      await logFailure(await this.#unit(), trace, error, report)
      return jsonResponse(report.status, errorBody(report, trace.requestId))
    }
    const response = await this.accept(place, new Headers(JSON.parse(read('x-unitgraph-headers')) as [string, string][]))
    if (place.socket) this.#attach(connection, place.socket)
    return response
  }

  override async webSocketMessage(socket: HeldSocket, message: string | ArrayBuffer): Promise<void> {
    const place = this.placeOf(socket)
    if (!place) return
    await (await this.#connection(place)).receive(typeof message === 'string' ? message : new Uint8Array(message))
  }

  override async webSocketClose(socket: HeldSocket, code?: number, reason?: string): Promise<void> {
    try {
      // 1005 and 1006 are said by nobody
      socket.close(code === undefined || code === 1005 || code === 1006 ? 1000 : code, reason)
    } catch {
      // closed already
    }
    await this.gone(socket)
  }

  protected override async gone(socket: HeldSocket): Promise<void> {
    const place = this.placeOf(socket)
    if (!place) return
    const connection = await this.#connection(place)
    await this.forget(place)
    try {
      await connection.gone()
    } catch (error) {
      ;(await loggerOf(await this.#unit())).error(error, { channelId: place.id, code: 'channel-fault' })
    }
  }

  protected override async forget(place: Place<State>): Promise<void> {
    this.#connections.delete(place.id)
    await super.forget(place)
  }
}
