import * as z from 'zod'
import { ConflictError, NotFoundError, pikkuFunc, pikkuSessionlessFunc } from '#pikku'
import { isStaff } from '../accounts/permissions.ts'
import { Book, Genre, type BookChanges } from './book.ts'

export const listBooks = pikkuSessionlessFunc({
  title: 'List books',
  description: 'The books on the shelf, by genre and author.',
  expose: true,
  input: z.object({
    genre: Genre.optional(),
    author: z.string().optional(),
    limit: z.coerce.number<string | number>().int().min(1).max(50).default(20),
  }),
  output: z.object({ books: z.array(Book), total: z.number() }),
  func: async ({ catalogue }, { genre, author, limit }) => {
    const found = catalogue.search({ genre, author })
    return { books: found.slice(0, limit), total: found.length }
  },
})

export const getBook = pikkuSessionlessFunc<{ isbn: string }, Book>({
  title: 'Look up a book',
  description: 'One book by its ISBN, with its price and stock.',
  mcp: true,
  func: async ({ catalogue }, { isbn }) => {
    const book = catalogue.get(isbn)
    if (!book) throw new NotFoundError(`No book has the ISBN ${isbn}.`)
    return book
  },
})

export const addBook = pikkuFunc({
  tags: ['audited'],
  permissions: { staff: isStaff },
  input: Book,
  output: Book,
  func: async ({ catalogue }, book) => {
    if (catalogue.get(book.isbn)) throw new ConflictError(`The ISBN ${book.isbn} is on the shelf already.`)
    return catalogue.put(book)
  },
})

export const updateBook = pikkuFunc<BookChanges, Book>({
  tags: ['audited'],
  permissions: { staff: isStaff },
  func: async ({ catalogue }, changes) => {
    const book = catalogue.change(changes)
    if (!book) throw new NotFoundError(`No book has the ISBN ${changes.isbn}.`)
    return book
  },
})

export const removeBook = pikkuFunc<{ isbn: string }, { removed: boolean }>({
  tags: ['audited'],
  permissions: { staff: isStaff },
  func: async ({ catalogue }, { isbn }) => ({ removed: catalogue.remove(isbn) }),
})
