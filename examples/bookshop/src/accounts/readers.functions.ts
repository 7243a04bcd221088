import { pikkuSessionlessFunc } from '#pikku'

export interface Reader {
  userId: string
  email: string
}

export const createReader = pikkuSessionlessFunc<Reader, { created: boolean }>({
  internal: true,
  func: async ({ logger }, { userId }) => {
    logger.info(`reader ${userId} created`)
    return { created: true }
  },
})

export const sendWelcome = pikkuSessionlessFunc<{ to: string; offer?: string }, void>({
  internal: true,
  func: async ({ logger }, { to, offer }) => {
    logger.info(`welcome sent to ${to}${offer ? `, with ${offer}` : ''}`)
  },
})
