/** The service `eventHub` on Cloudflare: topics lie where channels are, in the Durable Objects of the Workers that hold them. */
import type { Listening, OpenChannel } from '../channel/listening.ts'
import { encode } from '../channel/message.ts'
import { OBJECT, type ToObject } from '../channel/streams.ts'
import { toBase64Url } from '../core/text.ts'
import type { EventHub } from '../types/services.ts'

interface Told {
  /** Worker → the binding to its objects, of all that hold channels. */
  readonly holders: Readonly<Record<string, string>>
  /** This Worker's name. */
  readonly unit: string
}

interface Socket {
  binaryType: string
  accept(): void
  close(code: number): void
  addEventListener(event: 'message', listener: (event: { data: string | ArrayBuffer }) => void): void
}
interface Stub {
  fetch(request: Request): Promise<Response & { webSocket?: Socket | null }>
}
interface Namespace {
  idFromName(name: string): unknown
  get(id: unknown): Stub
}

/** A stream of events that this isolate answers, and the socket out of which comes what is published to it. */
interface Stream {
  readonly channel: OpenChannel
  socket?: Promise<Socket>
}

export const eventHub = ({ holders, unit }: Told) => (base: Readonly<Record<string, unknown>>): EventHub & Listening => {
  const env = base['bindings'] as Readonly<Record<string, unknown>>
  const streams = new Map<string, Stream>()

  const objectOf = (holder: string): Stub | undefined => {
    const binding = Object.hasOwn(holders, holder) ? holders[holder] : undefined
    if (binding === undefined) return undefined
    const objects = env[binding] as Namespace | undefined
    if (!objects) throw new Error(`The channels of ${holder} are not bound: ${binding} is missing`)
    return objects.get(objects.idFromName(OBJECT))
  }
  const tell = async (object: Stub, told: ToObject): Promise<void> => {
    const response = await object.fetch(new Request('https://channels/', { method: 'POST', body: JSON.stringify(told) }))
    if (!response.ok) throw new Error(`The event hub answered with status ${response.status}`)
  }
  const listen = async ({ channel }: Stream): Promise<Socket> => {
    const headers = { upgrade: 'websocket', 'x-unitgraph-channel': channel.channelId }
    const { webSocket } = (await objectOf(unit)?.fetch(new Request('https://channels/', { headers }))) ?? {}
    if (!webSocket) throw new Error('The event hub could not be listened to')
    webSocket.binaryType = 'arraybuffer'
    webSocket.accept()
    webSocket.addEventListener('message', ({ data }) => void channel.push(typeof data === 'string' ? data : new Uint8Array(data)))
    return webSocket
  }
  /** The Worker that holds a channel stands before its id. What isn't anybody's has gone, or never was. */
  const change = (what: 'subscribe' | 'unsubscribe') => async (topic: string, channelId: string): Promise<void> => {
    const stream = streams.get(channelId)
    if (stream) await (stream.socket ??= listen(stream))
    const object = objectOf(channelId.slice(0, channelId.lastIndexOf('.')))
    if (object) await tell(object, { do: what, topic, channelId })
  }
  return {
    subscribe: change('subscribe'),
    unsubscribe: change('unsubscribe'),
    publish: async (topic, channelId, data) => {
      const frame = encode(data)
      const isBytes = typeof frame !== 'string'
      const told: ToObject = { do: 'publish', topic, except: channelId, text: isBytes ? toBase64Url(frame) : frame, isBytes }
      const done = await Promise.allSettled(Object.keys(holders).map(async (holder) => {
        const object = objectOf(holder)
        if (object) await tell(object, told)
      }))
      for (const one of done) if (one.status === 'rejected') throw one.reason
    },
    newChannelId: () => `${unit}.${crypto.randomUUID()}`,
    onChannelOpened: (channel) => void streams.set(channel.channelId, { channel }),
    onChannelClosed: (channelId) => {
      const stream = streams.get(channelId)
      streams.delete(channelId)
      stream?.socket?.then((socket) => socket.close(1000)).catch(() => undefined)
    },
  }
}
