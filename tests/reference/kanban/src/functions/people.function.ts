import { UnauthorizedError } from '@pikku/core/errors'
import { pikkuFunc, pikkuSessionlessFunc, pikkuVoidFunc } from '#pikku/pikku-types.gen.js'

const PEOPLE: Record<string, { password: string; role: 'member' | 'owner' }> = {
  ada: { password: 'difference', role: 'owner' },
  mel: { password: 'shelf', role: 'member' },
}

export const login = pikkuSessionlessFunc<{ userId: string; password: string }, { token: string }>(
  async ({ jwt }, { userId, password }) => {
    const person = Object.hasOwn(PEOPLE, userId) ? PEOPLE[userId] : undefined
    if (person?.password !== password) throw new UnauthorizedError('Who is that?')
    return { token: await jwt.encode('1h', { userId, role: person.role }) }
  },
)

export const whoAmI = pikkuFunc<void, { userId: string; role: string }>(
  async (_services, _data, { session }) => ({ userId: session.userId, role: session.role }),
)

export const myCards = pikkuFunc<void, { cards: string[] }>(async (services, _data, { session }) => {
  const { boards } = services
  return { cards: boards.all().filter((card) => card.assignee === session.userId).map((card) => card.cardId) }
})

export const tellAssignee = pikkuFunc<{ to: string; title: string }, { sent: boolean }>({
  internal: true,
  func: async (services, { to, title }) => services.mailer.send(to, `You have ${title}`),
})

export const invite = pikkuFunc<{ email: string }, { queued: string }>(
  async ({ queueService }, { email }) => ({ queued: await queueService.add('invitations', { email }) }),
)

export const sendInvitation = pikkuSessionlessFunc<{ email: string }, void>(async ({ mailer }, { email }) => {
  await mailer.send(email, 'Come and see the board')
})

export const remindPeople = pikkuVoidFunc(async ({ queueService }) => {
  for (const userId of Object.keys(PEOPLE)) await queueService.add('invitations', { email: `${userId}@kanban.test` })
})

export const ping = pikkuSessionlessFunc<void, { pong: true }>(async () => ({ pong: true }))

export const boardName = pikkuSessionlessFunc<void, { name: string; region: string }>(async ({ config, variables }) => ({
  name: config.boardName, region: variables.get('REGION') ?? 'nowhere',
}))

export const roles = pikkuSessionlessFunc<void, { roles: string[] }>(async () => ({
  roles: [...new Set(Object.values(PEOPLE).map(({ role }) => role))].sort(),
}))
