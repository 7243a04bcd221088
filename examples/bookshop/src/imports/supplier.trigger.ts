import { pikkuSessionlessFunc, pikkuTriggerFunc, wireTrigger, wireTriggerSource } from '#pikku'
import { Book } from '../books/book.ts'

/** What others send is checked, like what a browser sends. */
export const importBook = pikkuSessionlessFunc({
  input: Book,
  func: async ({ catalogue, logger }, book) => {
    catalogue.put(book)
    logger.info(`${book.isbn} came from the supplier`)
  },
})

/** The supplier publishes one new book an hour; a trigger source runs until its teardown is called. */
export const supplierFeed = pikkuTriggerFunc<void, Book>(async (_services, _input, { trigger }) => {
  const arrival: Book = {
    isbn: '9780486284729',
    title: 'Meditations',
    author: 'Marcus Aurelius',
    genre: 'history',
    priceCents: 5_00,
    stock: 20,
  }
  const timer = setInterval(() => trigger.invoke(arrival), 3_600_000)
  return () => clearInterval(timer)
})

wireTrigger({ name: 'new-arrival', func: importBook })
wireTriggerSource({ name: 'new-arrival', func: supplierFeed })
