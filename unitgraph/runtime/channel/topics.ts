/** Which channels are subscribed to which topics, in one place's memory. Sends nothing. */

export interface Topics<Channel> {
  open(channelId: string, channel: Channel): void
  close(channelId: string): void
  /** False where no such channel is open here. */
  subscribe(topic: string, channelId: string): boolean
  unsubscribe(topic: string, channelId: string): boolean
  /** Those subscribed to a topic, but for one. */
  of(topic: string, except: string | null): Channel[]
  /** Those that a channel is subscribed to. */
  topicsOf(channelId: string): string[]
}

export const createTopics = <Channel>(): Topics<Channel> => {
  const channels = new Map<string, { readonly channel: Channel; readonly topics: Set<string> }>()
  const subscribers = new Map<string, Set<string>>()
  const leave = (topic: string, channelId: string): void => {
    const all = subscribers.get(topic)
    all?.delete(channelId)
    if (all?.size === 0) subscribers.delete(topic)
  }
  return {
    open: (channelId, channel) => void channels.set(channelId, { channel, topics: new Set() }),
    close: (channelId) => {
      for (const topic of channels.get(channelId)?.topics ?? []) leave(topic, channelId)
      channels.delete(channelId)
    },
    subscribe: (topic, channelId) => {
      const known = channels.get(channelId)
      if (!known) return false
      known.topics.add(topic)
      const all = subscribers.get(topic) ?? new Set()
      subscribers.set(topic, all.add(channelId))
      return true
    },
    unsubscribe: (topic, channelId) => {
      const known = channels.get(channelId)
      if (!known) return false
      known.topics.delete(topic)
      leave(topic, channelId)
      return true
    },
    of: (topic, except) =>
      [...(subscribers.get(topic) ?? [])].flatMap((id) => {
        const found = id === except ? undefined : channels.get(id)
        return found ? [found.channel] : []
      }),
    topicsOf: (channelId) => [...(channels.get(channelId)?.topics ?? [])],
  }
}
