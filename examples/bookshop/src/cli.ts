import { pikkuCLICommand, pikkuCLIRender, wireCLI } from '#pikku'
import type { Book } from './books/book.ts'
import { getBook, listBooks } from './books/books.functions.ts'

const table = pikkuCLIRender<{ books: Book[]; total: number }>(async (_services, { books, total }) => {
  for (const book of books) console.log(`${book.isbn}  ${book.title}, ${book.author}`)
  console.log(`${total} in all`)
})

wireCLI({
  program: 'bookshop',
  description: 'The shop from a terminal.',
  commands: {
    list: pikkuCLICommand({
      func: listBooks,
      description: 'Lists books.',
      render: table,
      options: { genre: { description: 'Only this genre.', short: 'g' } },
    }),
    show: pikkuCLICommand({ parameters: '<isbn>', func: getBook, description: 'Shows one book.' }),
  },
})
