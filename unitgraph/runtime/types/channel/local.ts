/** `@pikku/core/channel/local` */
import type { EventHub } from '../services.js'
import type { ChannelWire } from '../wire.js'

/** An event hub within one process, whose channels are those that it is told of. */
export declare class LocalEventHubService implements EventHub {
  onChannelOpened(channel: Pick<ChannelWire, 'channelId' | 'send'>): void
  onChannelClosed(channelId: string): void
  subscribe(topic: string, channelId: string): void
  unsubscribe(topic: string, channelId: string): void
  publish(topic: string, channelId: string | null, data: unknown): void
}
