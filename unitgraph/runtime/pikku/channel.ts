/** Channels. A wiring is read from the source; at run time it does nothing. */
import { author } from '../core/definition.ts'
import type * as api from '../types/channel.ts'

export const pikkuChannelFunc: typeof api.pikkuChannelFunc = author('channel') as never
export const pikkuChannelConnectionFunc: typeof api.pikkuChannelConnectionFunc = author('channel-connection') as never
export const pikkuChannelDisconnectionFunc: typeof api.pikkuChannelDisconnectionFunc = author('channel-disconnection') as never
/* @__NO_SIDE_EFFECTS__ */
export const wireChannel: typeof api.wireChannel = () => undefined
export type * from '../types/channel.ts'
