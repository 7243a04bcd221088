/** What happens in a room. */
import {
  ConflictError, ForbiddenError, pikkuChannelConnectionFunc, pikkuChannelDisconnectionFunc, pikkuChannelFunc, pikkuFunc, pikkuMiddleware,
  pikkuPermission, pikkuSessionlessFunc, pikkuVoidFunc,
} from '#pikku'
import type { Opening } from './schema.ts'

export const opened = pikkuChannelConnectionFunc(async ({ eventHub, logger }, given, { channel, session, setSession, http, transport }) => {
  const { room, mode, size = 0 } = (given ?? {}) as Opening
  logger.info('opened', { channelId: channel.channelId, userId: session?.userId, hasHttp: http !== undefined, transport })
  if (room) await eventHub.subscribe(`room:${room}`, channel.channelId)
  if (mode === 'refuse') throw new ForbiddenError('Not you')
  if (mode === 'break') throw new Error('private')
  if (mode === 'send') await channel.send({ hello: room ?? 'nobody' })
  if (mode === 'close') await channel.close(4001, 'not now')
  if (mode === 'sign-in') await setSession({ userId: 'from opening', note: 'n'.repeat(size) })
  return mode === 'return' ? { channelId: channel.channelId, given } : undefined
})

export const closed = pikkuChannelDisconnectionFunc(async ({ logger }, given, { channel, session }) => {
  logger.info('closed', { channelId: channel.channelId, userId: session?.userId, given })
})

export const join = pikkuChannelFunc<{ room: string }, { joined: string }>(async ({ eventHub }, { room }, { channel }) => {
  await eventHub.subscribe(`room:${room}`, channel.channelId)
  return { joined: room }
})
export const leave = pikkuChannelFunc<{ room: string }, { left: string }>(async ({ eventHub }, { room }, { channel }) => {
  await eventHub.unsubscribe(`room:${room}`, channel.channelId)
  return { left: room }
})
export const say = pikkuChannelFunc<{ room: string; text: string; toAll?: boolean }, void>(
  async ({ eventHub }, { room, text, toAll = false }, { channel, session }) => {
    await eventHub.publish(`room:${room}`, toAll ? null : channel.channelId, { from: session?.userId ?? 'somebody', text })
  },
)

export const signIn = pikkuChannelFunc<{ user: string; note?: string }, { signedIn: string }>(async (_services, { user, note = '' }, { setSession }) => {
  await setSession({ userId: user, role: user === 'sam' ? 'staff' : 'reader', note })
  return { signedIn: user }
})
export const signOut = pikkuChannelFunc(async (_services, _data, { clearSession }) => clearSession())
/** Needs a session by its kind. */
export const whoAmI = pikkuFunc(async (_services, _data, { session, channel, transport }) => ({
  userId: session.userId, noteLength: session.note?.length ?? 0, channelId: channel?.channelId, openingData: channel?.openingData, transport,
}))
export const failAfterSignIn = pikkuChannelFunc(async (_services, _data, { setSession }) => {
  await setSession({ userId: 'nobody' })
  throw new ConflictError('after all')
})

export const isStaff = pikkuPermission(async (_services, _data, { session }) => session?.role === 'staff')
export const refusesRude = pikkuPermission<{ text?: string }>(async (_services, data) => data?.text !== 'rude')
export const greet = pikkuMiddleware(async (_services, { channel }, next) => {
  await channel?.send('from the middleware')
  return next()
})
export const hello = pikkuChannelFunc<{ text?: string }, { hello: string }>(async (_services, { text = 'you' }) => ({ hello: text }))

export const kindOf = (value: unknown): string => (value === null ? 'null' : Array.isArray(value) ? 'array' : value instanceof Uint8Array ? 'bytes' : typeof value)

/** For what nothing else is for. */
export const otherwise = pikkuChannelFunc(async (_services, data: unknown, { channel }) => {
  if (data instanceof Uint8Array) await channel.send(data)
  return { kind: kindOf(data), data: data instanceof Uint8Array ? data.length : data }
})

export const slow = pikkuChannelFunc<{ ms: number; n: number }, { n: number }>(async ({ logger }, { ms, n }) => {
  logger.info('slow began', { n })
  await new Promise((resolve) => setTimeout(resolve, ms))
  return { n }
})
export const count = pikkuChannelFunc<{ to: number; fill?: number }, { done: true }>(async (_services, { to, fill = 0 }, { channel }) => {
  for (let n = 1; n <= to; n += 1) await channel.send(fill ? `${n} ${'x'.repeat(fill)}` : n)
  return { done: true }
})
export const ticking = pikkuChannelFunc(async ({ logger }, _data, { channel, signal }) => {
  await channel.send('ticking')
  if (!signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve))
  logger.info('heard that it has gone', { channelId: channel.channelId })
})

export const fail = pikkuChannelFunc<{ how: string }, never>(async (_services, { how }) => {
  if (how === 'conflict') throw new ConflictError('taken')
  if (how === 'text') throw 'just text'
  throw new Error('private')
})
export const answerWith = pikkuChannelFunc<{ what: string }, unknown>(async (_services, { what }, { channel }) => {
  if (what === 'binary text') await channel.send('ä', true)
  if (what === 'close') await channel.close(4002, 'as asked')
  if (what === 'close wrongly') await channel.close(1006, 'never')
  const answers: Record<string, unknown> = {
    text: 'text', null: null, list: [1, 2], number: 7, bytes: new Uint8Array([1, 2, 255]), big: 12n, date: new Date(0), own: { action: 'mine', $id: 'mine' },
  }
  return answers[what]
})
export const nothing = pikkuVoidFunc(async () => 'nobody hears of this')

/** Called by others, wherever its unit is: no channel is theirs to lend. */
export const peek = pikkuSessionlessFunc(async (_services, _data, { channel, transport, session }) => ({
  hasChannel: channel !== undefined, transport, userId: session?.userId ?? null,
}))
export const askOther = pikkuChannelFunc(async (_services, _data, { rpc }) => rpc.invoke('peek'))

/** Nobody reaches it. */
export const hidden = pikkuChannelFunc({ internal: true, func: async () => ({ reached: true }) })
