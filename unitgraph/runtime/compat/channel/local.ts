/** `@pikku/core/channel/local`: an event hub of one process, which sends through the channels themselves. */
import type { OpenChannel } from '../../channel/listening.ts'
import { createTopics } from '../../channel/topics.ts'
import type * as api from '../../types/channel/local.ts'

export class LocalEventHubService implements api.LocalEventHubService {
  readonly #topics = createTopics<Pick<OpenChannel, 'send'>>()

  onChannelOpened(channel: Pick<OpenChannel, 'channelId' | 'send'>): void {
    this.#topics.open(channel.channelId, channel)
  }

  onChannelClosed(channelId: string): void {
    this.#topics.close(channelId)
  }

  subscribe(topic: string, channelId: string): void {
    this.#topics.subscribe(topic, channelId)
  }

  unsubscribe(topic: string, channelId: string): void {
    this.#topics.unsubscribe(topic, channelId)
  }

  publish(topic: string, channelId: string | null, data: unknown): void {
    for (const channel of this.#topics.of(topic, channelId)) void channel.send(data)
  }
}
