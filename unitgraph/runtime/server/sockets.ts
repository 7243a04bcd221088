/** The WebSockets of a process, on Bun's server: hands what they say to their connections. Knows nothing of messages. */
import { createConnection, CLOSE, type Connection } from '../channel/connection.ts'
import type { Accept } from '../channel/index.ts'
import { listeningOf } from '../channel/listening.ts'
import { MESSAGE_LIMIT, type Frame } from '../channel/message.ts'
import { ServiceUnavailableError } from '../core/errors.ts'

/** What a client may leave unread. */
const UNREAD_LIMIT = 4 * MESSAGE_LIMIT
/** With less than this unread, a function needn't wait before it sends more. */
const ROOM = 256 * 1024
/** Who says nothing for this long, and answers no ping either, has gone. */
const IDLE_S = 120

interface Held {
  readonly connection: Connection
  readonly end: () => Promise<void>
  hasRoom: PromiseWithResolvers<void> | undefined
}

export interface ServerSocket {
  readonly data: Held
  send(frame: Frame): number
  close(code: number, reason: string): void
  getBufferedAmount(): number
}

export interface Upgrader {
  upgrade(request: Request, options: { data: Held; headers: Headers }): boolean
}

export interface Sockets {
  /** For Bun.serve. */
  readonly handlers: object
  readonly accept: Accept
  /** Before anybody can be let in. `run`: the process doesn't end before this has. */
  start(server: Upgrader, run: (work: Promise<unknown>) => Promise<unknown>): void
  /** Lets nobody else in; each connection ends what it has, and is told to go. */
  end(): Promise<void>
}

export const createSockets = (): Sockets => {
  const open = new Set<Connection>()
  let isEnding = false
  let server: Upgrader | undefined
  let run = (work: Promise<unknown>): Promise<unknown> => work

  const attach = (socket: ServerSocket): void => {
    const { connection } = socket.data
    connection.attach({
      send: (frame) => {
        socket.send(frame)
        if (socket.getBufferedAmount() < ROOM) return undefined
        socket.data.hasRoom ??= Promise.withResolvers()
        return socket.data.hasRoom.promise
      },
      close: (code, reason) => socket.close(code, reason),
    })
  }
  const letGo = ({ data }: ServerSocket): void => {
    data.hasRoom?.resolve()
    data.hasRoom = undefined
  }

  return {
    handlers: {
      // larger ones are refused with a code that says so, up to what is worth reading for that
      maxPayloadLength: UNREAD_LIMIT, backpressureLimit: UNREAD_LIMIT, closeOnBackpressureLimit: true,
      idleTimeout: IDLE_S, sendPings: true,
      open: attach,
      message: ({ data }: ServerSocket, frame: Frame) => void data.connection.receive(frame),
      drain: letGo,
      close: (socket: ServerSocket) => {
        letGo(socket)
        void socket.data.end()
      },
    },
    start: (started, keep) => {
      server = started
      run = keep
    },
    accept: async (unit, request, call, { channel, openingData, session, headers }) => {
      if (isEnding) throw new ServiceUnavailableError('The server stops')
      const hub = listeningOf((await unit.host.services())['eventHub'])
      const id = hub?.newChannelId?.() ?? crypto.randomUUID()
      const waitUntil = (work: Promise<unknown>): void => void run(work).catch(() => undefined)
      const connection = createConnection({ id, openingData, session }, { unit, channel, waitUntil })
      const forget = (): void => {
        hub?.onChannelClosed(id)
        open.delete(connection)
      }
      const end = (): Promise<void> => {
        forget()
        return run(connection.gone()) as Promise<void>
      }
      open.add(connection)
      hub?.onChannelOpened(connection.open)
      try {
        await connection.connect(call)
      } catch (error) {
        forget()
        throw error
      }
      headers.set('x-request-id', call.requestId)
      if (isEnding || !server?.upgrade(request, { data: { connection, end, hasRoom: undefined }, headers })) {
        await end()
        throw new ServiceUnavailableError(isEnding ? 'The server stops' : 'The connection could not be made')
      }
      return new Response(null, { status: 101 })
    },
    end: async () => {
      isEnding = true
      await Promise.all([...open].map((connection) => connection.drain(CLOSE.goingAway, 'The server stops')))
    },
  }
}
