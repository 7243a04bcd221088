import { BadRequestError, ConflictError } from '@pikku/core/errors'
import { pikkuFunc, pikkuSessionlessFunc, pikkuVoidFunc } from '#pikku/pikku-types.gen.js'
import { WipLimitError } from '../errors.js'
import { isAssignee, isOwner } from '../permissions.js'
import type { Card } from '../services/boards.js'

export const listCards = pikkuSessionlessFunc<{ column?: Card['column']; limit?: number }, { cards: Card[]; board: string }>({
  title: 'List cards',
  func: async ({ boards }, { column, limit }) => ({
    board: boards.name,
    cards: boards.all().filter((card) => !column || card.column === column).slice(0, limit ?? 100),
  }),
})

export const getCard = pikkuSessionlessFunc<{ cardId: string }, Card>({
  title: 'Get a card',
  func: async ({ boards }, { cardId }) => boards.get(cardId),
})

export const createCard = pikkuFunc<{ title: string; points?: number }, Card>({
  title: 'Create a card',
  func: async ({ boards, audit }, { title, points }) => {
    if (!title.trim()) throw new BadRequestError('A card needs a title')
    audit.note(`created ${title}`)
    return boards.put({ cardId: title.toLowerCase().replace(/\W+/g, '-'), title, column: 'todo', comments: [], points })
  },
})

export const renameCard = pikkuFunc<{ cardId: string; title: string }, Card>({
  permissions: { isOwner, isAssignee },
  func: async ({ boards }, { cardId, title }) => boards.put({ ...boards.get(cardId), title }),
})

export const moveCard = pikkuFunc<{ cardId: string; column: Card['column'] }, Card>({
  func: async ({ boards, audit }, { cardId, column }) => {
    const card = boards.get(cardId)
    if (card.column === column) throw new ConflictError('It is there already')
    if (column === 'doing' && boards.all().filter((one) => one.column === 'doing').length >= 2) throw new WipLimitError()
    audit.note(`moved ${cardId}`)
    return boards.put({ ...card, column })
  },
})

export const assignCard = pikkuFunc<{ cardId: string; assignee: string }, { card: Card; told: { sent: boolean } }>({
  permissions: { isOwner },
  func: async ({ boards }, { cardId, assignee }, { rpc }) => {
    const card = boards.put({ ...boards.get(cardId), assignee })
    const told = await rpc.invoke('tellAssignee', { to: assignee, title: card.title })
    return { card, told }
  },
})

export const unassignCard = pikkuFunc<{ cardId: string }, Card>({
  permissions: { isOwner, isAssignee },
  func: async ({ boards }, { cardId }) => boards.put({ ...boards.get(cardId), assignee: undefined }),
})

export const deleteCard = pikkuFunc<{ cardId: string }, void>({
  permissions: { isOwner },
  func: async ({ boards }, { cardId }) => boards.remove(cardId),
})

export const commentOnCard = pikkuFunc<{ cardId: string; comment: string }, { comments: string[] }>({
  func: async ({ boards }, { cardId, comment }) => {
    const card = boards.get(cardId)
    const { comments } = boards.put({ ...card, comments: [...card.comments, comment] })
    return { comments }
  },
})

export const listComments = pikkuSessionlessFunc<{ cardId: string }, { comments: string[] }>(
  async ({ boards }, { cardId }) => ({ comments: boards.get(cardId).comments }),
)

export const estimateCard = pikkuFunc<{ cardId: string; points: 1 | 2 | 3 | 5 | 8 }, Card>(
  async ({ boards }, { cardId, points }) => boards.put({ ...boards.get(cardId), points }),
)

export const searchCards = pikkuSessionlessFunc<{ q: string }, { found: string[] }>(async ({ boards }, { q }) => ({
  found: boards.all().filter((card) => card.title.toLowerCase().includes(q.toLowerCase())).map((card) => card.cardId),
}))

export const archiveDone = pikkuVoidFunc(async ({ boards, logger }) => {
  logger.info('archived', { cards: boards.all().filter((card) => card.column === 'done').length })
})
