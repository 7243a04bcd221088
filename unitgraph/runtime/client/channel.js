/**
 * A channel's connection over a WebSocket, made anew with a back-off when it breaks; what is said meanwhile waits.
 *
 * @import * as api from '../types/client-channel.ts'
 */
import { backOff } from './call.js'
import { NoAnswerError } from './errors.js'
import { frameOf, PING, readFrame } from './frames.js'

const DEFAULTS = { firstMs: 500, longestMs: 30_000, attempts: 10, mostWaiting: 200, pingMs: 30_000, timeoutMs: 30_000 }
/** The server goes, restarts or is too busy, or the line broke: codes after which it is worth another try (RFC 6455, 7.4). */
const PASSING = new Set([1001, 1006, 1011, 1012, 1013, 1014])
const CLOSED = 'The channel is closed'

/**
 * @typedef {object} Waiting
 * @property {(data: unknown) => void} resolve
 * @property {(error: unknown) => void} reject
 */

/**
 * @param {() => Promise<{ url: string, protocols: string[] }>} address asked before each connection
 * @param {new (url: string, protocols?: string[]) => WebSocket} Socket
 * @param {api.ChannelOptions} options
 */
export const openChannel = (address, Socket, options) => {
  const { firstMs, longestMs, attempts, mostWaiting, pingMs, timeoutMs } = { ...DEFAULTS, ...options }
  /** @type {api.ChannelState} */
  let state = 'connecting'
  /** @type {WebSocket | undefined} */
  let socket
  /** @type {{ frame: string, id?: number }[]} */
  let queue = []
  /** @type {Map<unknown, Waiting>} */
  const waiting = new Map()
  /** @type {Map<string, Set<(event: any) => void>>} */
  const listeners = new Map()
  let failures = 0
  // what a function sends with an id of its own is hardly taken for an answer
  let lastId = Math.floor(Math.random() * 2 ** 31)
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let ping

  /** @param {string} name @param {unknown} [event] */
  const tell = (name, event) => {
    for (const listener of [...(listeners.get(name) ?? [])]) listener(event)
  }
  /** What was sent may have been done, and what waits has not: only the first is lost. @param {(id: unknown) => boolean} isLost @param {unknown} [cause] */
  const lose = (isLost, cause) => {
    for (const [id, { reject }] of [...waiting]) {
      if (!isLost(id)) continue
      waiting.delete(id)
      reject(new NoAnswerError('The connection broke before there was an answer', 'no-answer', cause))
    }
  }
  /** @param {number} code @param {string} reason @param {unknown} [cause] */
  const end = (code, reason, cause) => {
    if (state === 'closed') return
    state = 'closed'
    clearTimeout(timer)
    clearTimeout(ping)
    queue = []
    lose(() => true, cause)
    tell('close', { code, reason, cause })
  }
  const retry = () => {
    state = 'waiting'
    timer = setTimeout(() => void connect(), backOff(failures - 1, firstMs, longestMs))
    tell('waiting', { failures })
  }
  /** Says something now and then, and hangs up on who doesn't answer. */
  const beat = () => {
    clearTimeout(ping)
    if (!pingMs) return
    ping = setTimeout(() => {
      socket?.send(PING)
      ping = setTimeout(() => broken(1006, 'No answer to a ping'), pingMs)
    }, pingMs)
  }
  /** @param {number} code @param {string} reason @param {unknown} [cause] */
  const broken = (code, reason, cause) => {
    if (state === 'closed' || !socket) return
    // why somebody wasn't let in is told to nobody: that the server is not up yet, as likely as not
    const isPassing = state === 'connecting' || PASSING.has(code)
    const gone = socket
    socket = undefined
    gone.onopen = gone.onmessage = gone.onclose = gone.onerror = null
    if (gone.readyState < 2) gone.close()
    clearTimeout(ping)
    failures += 1
    const queued = new Set(queue.map(({ id }) => id))
    lose((id) => !queued.has(/** @type {number} */ (id)), cause)
    if (!isPassing || failures > attempts) end(code, reason, cause)
    else retry()
  }
  const connect = async () => {
    state = 'connecting'
    try {
      const { url, protocols } = await address()
      if (/** @type {string} */ (state) === 'closed') return
      const made = (socket = new Socket(url, protocols))
      made.binaryType = 'blob'
      made.onopen = () => {
        state = 'open'
        failures = 0
        for (const { frame } of queue.splice(0)) made.send(frame)
        beat()
        tell('open')
      }
      made.onmessage = ({ data }) => hear(data)
      made.onclose = ({ code, reason }) => broken(code, reason)
      // a close follows, which says more
      made.onerror = () => undefined
    } catch (error) {
      end(1006, error instanceof Error ? error.message : CLOSED, error)
    }
  }
  /** @param {unknown} frame */
  const hear = (frame) => {
    beat()
    let said
    try {
      said = readFrame(frame)
    } catch (error) {
      return tell('error', new NoAnswerError('A message is not valid JSON', 'unreadable', error))
    }
    if (!said) return
    if (said.kind === 'message') return tell('message', said.data)
    const asked = waiting.get(said.id)
    waiting.delete(said.id)
    if (said.kind === 'answer') asked?.resolve(said.data)
    else if (asked) asked.reject(said.error)
    else tell('error', said.error)
  }
  /** @param {string} frame @param {number} [id] */
  const push = (frame, id) => {
    if (state === 'closed') throw new NoAnswerError(CLOSED, 'no-answer')
    if (state === 'open' && socket) return socket.send(frame)
    if (queue.length >= mostWaiting) throw new NoAnswerError(`More than ${mostWaiting} messages wait for a connection`, 'no-answer')
    queue.push({ frame, ...(id !== undefined && { id }) })
  }
  /** @param {unknown} data @param {{ property?: string, value?: string }} meant @param {api.ChannelCallOptions} own */
  const asking = async (data, meant, own) => {
    own.signal?.throwIfAborted()
    const id = ++lastId
    const limit = own.timeoutMs ?? timeoutMs
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    let late
    const abort = () => waiting.get(id)?.reject(own.signal?.reason)
    own.signal?.addEventListener('abort', abort, { once: true })
    try {
      return await new Promise((resolve, reject) => {
        push(frameOf(data, { ...meant, id }), id)
        waiting.set(id, { resolve, reject })
        if (limit > 0) late = setTimeout(() => reject(new NoAnswerError(`There was no answer within ${limit} ms`, 'timeout')), limit)
      })
    } finally {
      clearTimeout(late)
      own.signal?.removeEventListener('abort', abort)
      waiting.delete(id)
      queue = queue.filter((one) => one.id !== id)      // whoever has given up doesn't want it done later
    }
  }
  /** @param {string} name @param {(event: any) => void} listener */
  const on = (name, listener) => {
    const all = listeners.get(name) ?? new Set()
    listeners.set(name, all.add(listener))
    return () => void all.delete(listener)
  }
  const messages = async function* () {
    /** @type {unknown[]} */
    const heard = []
    let wake = () => {}
    const stop = [on('message', (data) => { heard.push(data); wake() }), on('close', () => wake())]
    try {
      for (;;) {
        if (heard.length > 0) yield heard.shift()
        else if (state === 'closed') return
        else await new Promise((resolve) => { wake = () => resolve(undefined) })
      }
    } finally {
      for (const one of stop) one()
    }
  }
  void connect()
  return {
    get state() {
      return state
    },
    on,
    messages,
    /** @param {string} property @param {string} value @param {unknown} [data] */
    send: (property, value, data) => push(frameOf(data, { property, value })),
    /** @param {string} property @param {string} value @param {unknown} [data] @param {api.ChannelCallOptions} [own] */
    call: (property, value, data, own = {}) => asking(data, { property, value }, own),
    /** @param {unknown} data */
    sendMessage: (data) => push(frameOf(data, {})),
    /** @param {unknown} data @param {api.ChannelCallOptions} [own] */
    callMessage: (data, own = {}) => asking(data, {}, own),
    close: (code = 1000, reason = '') => {
      const open = socket
      socket = undefined
      if (open) open.onclose = open.onmessage = null
      open?.close(code, reason)
      end(code, reason)
    },
  }
}
