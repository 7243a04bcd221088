/** Channels as an event hub knows them, whatever they are: WebSockets, streams of events. */
import type { ChannelWire } from '../types/wire.ts'

export interface OpenChannel extends ChannelWire {
  /** As it is: JSON as text, or bytes. */
  push(frame: string | Uint8Array<ArrayBuffer>): void | Promise<void>
}

/** What a hub has besides what functions call of it; the built-in ones, and a project's own where it wants to. */
export interface Listening {
  /** A name for a channel that is to be opened here. */
  newChannelId?(): string
  onChannelOpened(channel: OpenChannel): void
  onChannelClosed(channelId: string): void
}

/** The hub, where it wants to be told. */
export const listeningOf = (hub: unknown): Listening | undefined => {
  const found = hub as Partial<Listening> | undefined
  return typeof found?.onChannelOpened === 'function' && typeof found.onChannelClosed === 'function' ? (found as Listening) : undefined
}
