import { pikkuAuth, pikkuPermission } from '#pikku/pikku-types.gen.js'

export const isOwner = pikkuAuth(async (_services, session) => session?.role === 'owner')

export const isAssignee = pikkuPermission<{ cardId: string }>(async ({ boards }, { cardId }, { session }) =>
  boards.get(cardId).assignee === session?.userId)
