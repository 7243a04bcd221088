/** Server-sent events. */
import { ConflictError, pikkuFunc, pikkuSessionlessFunc } from '#pikku'

export const count = pikkuSessionlessFunc<{ to: number; fail?: boolean }, unknown>({
  func: async ({ logger }, { to, fail }, { channel, http }) => {
    http?.response.header('x-counted', String(to))
    for (let number = 1; number <= to; number += 1) await channel?.send({ number })
    if (fail) throw new ConflictError('Lost count')
    logger.info('counted', { to })
    return { total: to }
  },
})

export const privateCount = pikkuFunc<{ to: number }, unknown>({
  func: async (_services, { to }, { channel, session }) => {
    await channel?.send({ for: session.userId, to })
    return undefined
  },
})
