/** A function around which middleware of every kind stands. */
import { NotFoundError, pikkuSessionlessFunc } from '#pikku'
import { onFunction } from './middleware.ts'

export const trail = pikkuSessionlessFunc<{ fail?: boolean }, unknown>({
  tags: ['trail'],
  middleware: [onFunction],
  func: async (_services, { fail }, { http }) => {
    http?.response.append('x-trail', 'here')
    if (fail) throw new NotFoundError('No trail')
    return { here: true }
  },
})

export const interfered = pikkuSessionlessFunc<{ fail?: boolean }, unknown>({
  func: async (_services, { fail }) => {
    if (fail) throw new NotFoundError('Not here')
    return { own: true }
  },
})
