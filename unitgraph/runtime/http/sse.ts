/** Server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html). */
import { toJson } from '../core/json.ts'
import { toBytes } from '../core/text.ts'
import type { ChannelWire } from '../types/wire.ts'

const HEARTBEAT_MS = 15_000

export interface Events {
  readonly channel: ChannelWire
  readonly signal: AbortSignal
  /** The response whose body the events are. */
  open(headers: Headers): Response
  end(value: unknown): Promise<void>
  fail(body: Record<string, unknown>): Promise<void>
}

export type Sse = (channelId: string) => Events

/** `send` resolves when the client has room for more; a client that goes away aborts `signal`. */
export const sse: Sse = (channelId) => {
  const gone = new AbortController()
  let ready: PromiseWithResolvers<void> | undefined
  let controller!: ReadableStreamDefaultController<Uint8Array>
  let heartbeat: ReturnType<typeof setInterval> | undefined
  let open = true
  const finish = (): void => {
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
  const close = (): void => {
    if (open) controller.close()
    finish()
  }
  return {
    signal: gone.signal,
    channel: { channelId, send: event, close },
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
