/** Server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html). */
import type { Call } from '../core/call.ts'
import { toJson } from '../core/json.ts'
import { toBase64Url, toBytes } from '../core/text.ts'
import { listeningOf } from '../channel/listening.ts'
import type { Host } from '../core/unit.ts'
import type { ChannelWire } from '../types/wire.ts'
import { respond } from './respond.ts'
import type { Outgoing } from './outgoing.ts'

const HEARTBEAT_MS = 15_000

export interface Events {
  readonly channel: ChannelWire
  readonly signal: AbortSignal
  /** The response whose body the events are. */
  open(headers: Headers): Response
  end(value: unknown): Promise<void>
  fail(body: Record<string, unknown>): Promise<void>
}

/** A request of a route that sends events. */
export interface Asked {
  readonly host: Host
  readonly request: Request
  readonly call: Call
  readonly out: Outgoing
  /** Calls the function; `begin` is called right before it. */
  run(call: Call, begin?: () => void): Promise<unknown>
  /** The answer to an error; `tell` gets its body before that. */
  failed(error: unknown, tell?: (body: Record<string, unknown>) => Promise<void>): Promise<Response>
}

export type Sse = (asked: Asked) => Promise<Response>

/**
 * The answer is the events, once the function has begun; before that, it may be an error. Who asks for no events gets
 * what the function returns.
 */
export const sse: Sse = async ({ host, request, call, out, run, failed }) => {
  if (!request.headers.get('accept')?.includes('text/event-stream')) {
    const channel: ChannelWire = { channelId: crypto.randomUUID(), send: () => undefined, close: () => undefined }
    return run({ ...call, channel }).then((value) => respond(value, out), (error: unknown) => failed(error))
  }
  const events = await createEvents(host)
  const opened = Promise.withResolvers<Response>()
  const inner: Call = { ...call, signal: AbortSignal.any([call.signal, events.signal]), channel: events.channel }
  const settled = run(inner, () => opened.resolve(events.open(out.headers))).then(async (value) => {
    await events.end(value)
    return new Response()
  }).catch((error: unknown) => failed(error, events.fail))
  call.waitUntil(settled)
  return Promise.race([opened.promise, settled])
}

/**
 * `send` resolves when the client has room for more; a client that goes away aborts `signal`. While it is open, an event
 * hub can publish to it. Its id is nobody's to choose: who has one can subscribe it.
 */
export const createEvents = async (host: Host): Promise<Events> => {
  const hub = listeningOf((await host.services())['eventHub'])
  const channelId = hub?.newChannelId?.() ?? crypto.randomUUID()
  const gone = new AbortController()
  let ready: PromiseWithResolvers<void> | undefined
  let controller!: ReadableStreamDefaultController<Uint8Array>
  let heartbeat: ReturnType<typeof setInterval> | undefined
  let open = true
  const finish = (): void => {
    if (open) hub?.onChannelClosed(channelId)
    open = false
    clearInterval(heartbeat)
    ready?.resolve()
  }
  const stream = new ReadableStream<Uint8Array>({
    start: (started) => {
      controller = started
    },
    pull: () => ready?.resolve(),
    cancel: () => {
      finish()
      gone.abort(new DOMException('The client has gone', 'AbortError'))
    },
  }, { highWaterMark: 16 })
  const write = async (text: string): Promise<void> => {
    if (!open) return
    controller.enqueue(toBytes(text))
    if ((controller.desiredSize ?? 1) > 0) return
    ready = Promise.withResolvers()
    await ready.promise
  }
  const event = (value: unknown): Promise<void> => write(`data: ${toJson(value) ?? 'null'}\n\n`)
  /** Bytes are no text: as base64url. */
  const push = (frame: string | Uint8Array): Promise<void> => write(`data: ${typeof frame === 'string' ? frame : JSON.stringify(toBase64Url(frame))}\n\n`)
  const close = (): void => {
    if (open) controller.close()
    finish()
  }
  const channel: ChannelWire = { channelId, send: event, close }
  hub?.onChannelOpened({ ...channel, push })
  return {
    signal: gone.signal,
    channel,
    open: (headers) => {
      headers.set('content-type', 'text/event-stream; charset=utf-8')
      headers.set('cache-control', 'no-cache, no-transform')
      headers.set('x-accel-buffering', 'no')
      heartbeat = setInterval(() => void write(': \n\n'), HEARTBEAT_MS)
      return new Response(stream, { headers })
    },
    end: async (value) => {
      if (value !== undefined) await event(value)
      close()
    },
    fail: async (body) => {
      await write(`event: error\ndata: ${toJson(body)}\n\n`)
      close()
    },
  }
}
