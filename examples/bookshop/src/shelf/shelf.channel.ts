import { pikkuChannelConnectionFunc, pikkuChannelDisconnectionFunc, pikkuChannelFunc, wireChannel } from '#pikku'

export const shelfOpened = pikkuChannelConnectionFunc(async ({ logger }, _opening, { channel }) => {
  logger.info(`${channel.channelId} watches the shelf`)
})

export const shelfClosed = pikkuChannelDisconnectionFunc(async ({ logger }, _opening, { channel }) => {
  logger.info(`${channel.channelId} left`)
})

/** From here on the client hears of every order of this book, and how many copies it leaves. */
export const watchBook = pikkuChannelFunc<{ isbn: string }, { watching: string }>(
  async ({ eventHub }, { isbn }, { channel }) => {
    await eventHub.subscribe(`stock:${isbn}`, channel.channelId)
    return { watching: isbn }
  },
)

wireChannel({
  name: 'shelf',
  route: '/shelf',
  auth: false,
  onConnect: shelfOpened,
  onDisconnect: shelfClosed,
  onMessageWiring: { action: { watch: { func: watchBook } } },
})
