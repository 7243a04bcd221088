/** What all processes of a deployment say to each other: the service `eventHub`, with who is subscribed to what here, and others. */
import type { Listening, OpenChannel } from '../channel/listening.ts'
import { encode, type Frame } from '../channel/message.ts'
import { fromBase64Url, toBase64Url } from '../core/text.ts'
import { createTopics } from '../channel/topics.ts'
import type { Messages } from '../core/unit.ts'
import type { EventHub } from '../types/services.ts'
import type { Background } from './background.ts'
import { openBus, type Bus } from './bus.ts'

const TOPIC = 'event-hub'

/** What goes over the bus. */
type Told =
  | readonly ['publish', topic: string, sender: string | null, text: string, isBytes: boolean]
  | readonly ['subscribe' | 'unsubscribe', topic: string, channelId: string]

export interface Hub extends Background {
  readonly service: EventHub & Listening
  /** For what else is said to all processes. */
  readonly messages: Messages
}

export const createHub = (): Hub => {
  const topics = createTopics<OpenChannel>()
  let bus: Bus | undefined
  let leave: (() => void) | undefined
  const opened = (): Bus => {
    if (!bus) throw new Error('Nothing can be published before the process has started')
    return bus
  }
  const tell = async (told: Told): Promise<void> => opened().publish(TOPIC, JSON.stringify(told))
  const hear = (told: Told): void => {
    if (told[0] !== 'publish') {
      topics[told[0]](told[1], told[2])
      return
    }
    const [, topic, sender, text, isBytes] = told
    const frame: Frame = isBytes ? fromBase64Url(text) : text
    for (const channel of topics.of(topic, sender)) void channel.push(frame)
  }
  /** Of a channel that another process has, that one is told. */
  const change = (what: 'subscribe' | 'unsubscribe') => async (topic: string, channelId: string): Promise<void> => {
    if (!topics[what](topic, channelId)) await tell([what, topic, channelId])
  }
  return {
    service: {
      subscribe: change('subscribe'),
      unsubscribe: change('unsubscribe'),
      publish: async (topic, channelId, data) => {
        const frame = encode(data)
        const isBytes = typeof frame !== 'string'
        await tell(['publish', topic, channelId, isBytes ? toBase64Url(frame) : frame, isBytes])
      },
      onChannelOpened: (channel) => topics.open(channel.channelId, channel),
      onChannelClosed: (channelId) => topics.close(channelId),
    },
    messages: {
      publish: async (topic, payload) => opened().publish(topic, payload),
      subscribe: (hear) => opened().subscribe(hear),
    },
    open: async (env, project) => {
      bus = await openBus(env, project)
      leave = bus.subscribe((topic, payload) => { if (topic === TOPIC) hear(JSON.parse(payload) as Told) })
    },
    start: () => undefined,
    stop: () => undefined,
    close: async () => {
      leave?.()
      await bus?.close()
    },
  }
}
