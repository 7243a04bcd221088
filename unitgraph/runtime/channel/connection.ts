/**
 * One connection of a channel, wherever its socket is: its messages one after the other, what functions send, its
 * session, its end. Knows no platform.
 */
import type { UserSession } from '../types/services.ts'
import type { Call } from '../core/call.ts'
import { dispatch } from '../core/dispatch.ts'
import type { Errand, Use } from '../core/errand.ts'
import { reportError } from '../core/errors.ts'
import { logFailure, loggerOf } from '../core/failure.ts'
import { isHeard } from '../core/logger.ts'
import { Session } from '../core/session.ts'
import { toBytes } from '../core/text.ts'
import { readTrace, type Trace } from '../core/trace.ts'
import type { Unit } from '../core/unit.ts'
import type { OpenChannel } from './listening.ts'
import { answerOf, encode, failureOf, MESSAGE_LIMIT, PING, PONG, readMessage, type Calls, type Frame, type Message } from './message.ts'

/** How much a client may send before what it sent first has been answered. */
const MOST_WAITING = 256

/** https://www.rfc-editor.org/rfc/rfc6455#section-7.4 */
export const CLOSE = { normal: 1000, goingAway: 1001, policy: 1008, tooBig: 1009 } as const

/** What of a connection outlives the memory of whoever holds it. */
export interface Kept {
  readonly id: string
  readonly openingData: unknown
  readonly session: UserSession | undefined
}

export interface Socket {
  /** Resolves, if it says so, when there is room for more. */
  send(frame: Frame): void | Promise<void>
  close(code: number, reason: string): void
}

export interface Described {
  readonly name: string
  readonly calls: Calls
  /** The command line whose commands its messages are. */
  readonly program?: string
}

export interface Connection {
  readonly kept: Kept
  readonly open: OpenChannel
  /** Calls `onConnect`; rejects where the client is not let in. What is sent meanwhile goes out once there is a socket. */
  connect(trace: Trace): Promise<void>
  attach(socket: Socket): void
  receive(frame: Frame): Promise<void>
  /** The client has gone, whoever wanted it: calls `onDisconnect`. */
  gone(): Promise<void>
  /** Ends what is under way, then closes. */
  drain(code: number, reason: string): Promise<void>
}

export interface Surroundings {
  readonly unit: Unit
  readonly channel: Described
  readonly waitUntil: (work: Promise<unknown>) => void
  /** Told when what is kept is another. */
  readonly keep?: (kept: Kept) => void
}

const sayable = (code: unknown): number =>
  code === CLOSE.normal || code === CLOSE.goingAway || (typeof code === 'number' && code >= 3000 && code < 5000) ? code : CLOSE.normal

/** A letter is one byte at least, and three at most. */
const isTooBig = (frame: Frame): boolean =>
  frame.length > MESSAGE_LIMIT || (typeof frame === 'string' && frame.length * 3 > MESSAGE_LIMIT && toBytes(frame).length > MESSAGE_LIMIT)

/** 123 bytes at most. */
const shortened = (reason: unknown): string => (typeof reason === 'string' ? reason.slice(0, 40) : '')

export const createConnection = (given: Kept, { unit, channel, waitUntil, keep }: Surroundings): Connection => {
  let kept = given
  let socket: Socket | undefined
  let early: (() => unknown)[] = []
  let waiting = 0
  let isEnding = false
  let tail: Promise<unknown> = Promise.resolve()
  const left = new AbortController()

  const push = (frame: Frame): void | Promise<void> => {
    if (socket) return socket.send(frame)
    if (!left.signal.aborted) early.push(() => socket?.send(frame))
  }
  const close = (code: number, reason: string): void => {
    isEnding = true
    if (socket) socket.close(code, reason)
    else early.push(() => socket?.close(code, reason))
  }
  const use: Use = (method, [first, second]) => {
    if (method === 'send') return push(encode(first, second === true))
    if (method === 'close') close(sayable(first), shortened(second))
  }

  /** A session that a call has changed is the connection's from then on. */
  const run = async (functionId: string, wiring: string, data: unknown, call: Call, command: Partial<Errand> = {}): Promise<unknown> => {
    const wire = { name: 'channel', state: { channelId: kept.id, openingData: kept.openingData } } as const
    const errand: Errand = { transport: 'channel', wiring: `channel ${channel.name} ${wiring}`, wire, ...command }
    const result = await dispatch(unit, functionId, data, errand, call, use)
    if (call.session.value !== kept.session) {
      kept = { ...kept, session: call.session.value }
      keep?.(kept)
    }
    return result
  }
  /** A message is a command of a program to whoever is called by it. */
  const commandOf = ({ routed, texts }: Message): Partial<Errand> => {
    const { program } = channel
    if (program === undefined || !routed) return {}
    return { transport: 'cli', known: { cli: { program, command: routed[1].split(' ') } }, ...(texts && { texts }) }
  }
  const callOf = (trace: Trace, signal: AbortSignal): Call => ({
    ...trace, transport: 'channel', session: new Session(kept.session), depth: 0, signal, waitUntil,
    fields: { channel: channel.name, channelId: kept.id },
  })

  const answer = async (frame: Frame): Promise<void> => {
    if (left.signal.aborted) return
    const started = performance.now()
    const call = callOf(readTrace(new Headers()), left.signal)
    const message = readMessage(channel.calls, frame, channel.program !== undefined)
    const asked = 'asked' in message ? message.asked : message
    let status = 200
    try {
      if ('asked' in message) throw message.error
      const back = answerOf(message, await run(message.function, message.wiring, message.data, call, commandOf(message)))
      if (back !== undefined) await push(back)
    } catch (error) {
      if (left.signal.aborted) return
      const report = reportError(error)
      status = report.status
      await logFailure(unit, call, error, report)
      await push(failureOf(asked, report, call.requestId))
    }
    const logger = await loggerOf(unit)
    if (!isHeard(logger, 'debug')) return
    logger.debug('message', {
      channel: channel.name, channelId: kept.id, wiring: 'wiring' in message ? message.wiring : undefined, status,
      ms: Math.round((performance.now() - started) * 10) / 10, requestId: call.requestId, traceId: call.traceId,
    })
  }

  return {
    get kept() {
      return kept
    },
    open: { channelId: given.id, openingData: given.openingData, push, send: (data, isBinary) => push(encode(data, isBinary)), close: (code, reason) => close(sayable(code), shortened(reason)) },
    connect: async (trace) => {
      const { connect } = channel.calls
      if (connect === undefined) return
      const result = await run(connect, 'connect', kept.openingData, callOf(trace, left.signal))
      const back = answerOf({}, result)
      if (back !== undefined) await push(back)
    },
    attach: (made) => {
      socket = made
      for (const one of early) one()
      early = []
    },
    receive: (frame) => {
      if (isEnding) return Promise.resolve()
      if (frame === PING) return Promise.resolve(push(PONG))
      if (isTooBig(frame)) {
        close(CLOSE.tooBig, `A message has ${MESSAGE_LIMIT} bytes at most`)
        return Promise.resolve()
      }
      if (waiting >= MOST_WAITING) {
        close(CLOSE.policy, `More than ${MOST_WAITING} messages wait`)
        return Promise.resolve()
      }
      waiting += 1
      const done = tail.then(() => answer(frame)).catch(async (error: unknown) => {
        ;(await loggerOf(unit)).error(error, { channel: channel.name, channelId: kept.id, code: 'channel-fault' })
      }).finally(() => {
        waiting -= 1
      })
      tail = done
      return done
    },
    gone: async () => {
      if (left.signal.aborted) return
      isEnding = true
      left.abort(new DOMException('The client has gone', 'AbortError'))
      early = []
      await tail
      const { disconnect } = channel.calls
      const call = callOf(readTrace(new Headers()), new AbortController().signal)
      try {
        if (disconnect !== undefined) await run(disconnect, 'disconnect', kept.openingData, call)
      } catch (error) {
        await logFailure(unit, call, error, reportError(error))
      }
      ;(await loggerOf(unit)).info('channel closed', { channel: channel.name, channelId: kept.id })
    },
    drain: async (code, reason) => {
      isEnding = true
      await tail
      close(code, reason)
    },
  }
}
