import { pikkuSessionlessFunc, pikkuVoidFunc } from '#pikku'

const enough = 4

/** Every morning: asks for more of what is running out. */
export const checkStock = pikkuVoidFunc({
  func: async ({ catalogue, queueService }) => {
    const short = catalogue.search({}).filter((book) => book.stock < enough)
    await Promise.all(
      short.map(({ isbn, stock }) => queueService.add('reorders', { isbn, copies: enough - stock })),
    )
  },
})

export const reorderBook = pikkuSessionlessFunc<{ isbn: string; copies: number }, void>({
  func: async ({ logger }, { isbn, copies }) => {
    logger.info(`ordered ${copies} of ${isbn} from the supplier`)
  },
})
