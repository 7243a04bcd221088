/** `@pikku/core/channel/local` */
import type { EventHub } from '../services.js'

/** An event hub within one process. */
export declare class LocalEventHubService implements EventHub {
  subscribe(topic: string, channelId: string): void
  unsubscribe(topic: string, channelId: string): void
  publish(topic: string, channelId: string | null, data: unknown): void
}
