import { pikkuSessionlessFunc, pikkuVoidFunc } from '#pikku'
import { reorder } from './reorders.ts'

/** Every morning: asks for more of what is running out. */
export const checkStock = pikkuVoidFunc({
  func: async ({ catalogue, queueService }) => {
    await Promise.all(catalogue.search({}).map((book) => reorder(queueService, book)))
  },
})

export const reorderBook = pikkuSessionlessFunc<{ isbn: string; copies: number }, void>({
  func: async ({ logger }, { isbn, copies }) => {
    logger.info(`ordered ${copies} of ${isbn} from the supplier`)
  },
})
