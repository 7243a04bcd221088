/** A channel as functions see it: what they do with it happens where the connection is. */
import type { Use } from '../core/errand.ts'
import type { ChannelWire } from '../types/wire.ts'

/** What a gateway says of a connection to the units of functions. */
export interface ChannelState {
  readonly channelId: string
  readonly openingData: unknown
}

export const channelWire = ({ channelId, openingData }: ChannelState, use: Use): ChannelWire => ({
  channelId,
  openingData,
  send: (data, isBinary) => use('send', isBinary === undefined ? [data] : [data, isBinary]),
  close: (...args) => use('close', args),
})
