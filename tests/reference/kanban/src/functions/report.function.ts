import { pikkuFunc, pikkuSessionlessFunc } from '#pikku/pikku-types.gen.js'

export const countCards = pikkuSessionlessFunc<void, { total: number }>(async ({ boards }) => ({ total: boards.all().length }))

export const sumPoints = pikkuSessionlessFunc<void, { points: number }>({
  expose: true,
  func: async ({ boards }) => ({ points: boards.all().reduce((sum, card) => sum + (card.points ?? 0), 0) }),
})

export const columnsOf = pikkuSessionlessFunc<void, Record<string, number>>(async ({ boards }) => {
  const counts: Record<string, number> = {}
  for (const { column } of boards.all()) counts[column] = (counts[column] ?? 0) + 1
  return counts
})

/** Asks other functions, wherever they are. */
export const summary = pikkuFunc<void, unknown>(async ({ config }, _data, { rpc, session }) => ({
  board: config.boardName,
  for: session.userId,
  ...(await rpc.invoke('countCards')),
  ...(await rpc.invoke('sumPoints')),
  columns: await rpc.invoke('columnsOf'),
}))

export const velocity = pikkuSessionlessFunc<{ weeks: number }, { perWeek: number }>(
  async (_services, { weeks }, { rpc }) => ({ perWeek: (await rpc.invoke('sumPoints')).points / weeks }),
)

export const exportCsv = pikkuSessionlessFunc<void, string>(async ({ boards }, _data, { http }) => {
  http?.response.header('content-type', 'text/csv')
  return boards.all().map(({ cardId, title }) => `${cardId},${title}\n`).join('')
})

export const watchBoard = pikkuSessionlessFunc<{ times: number }, { done: boolean }>({
  func: async ({ boards }, { times }, { channel }) => {
    for (let time = 0; time < times; time += 1) await channel?.send({ total: boards.all().length, time })
    return { done: true }
  },
})
