import type { Book, BookChanges } from './book.ts'

export interface Search {
  genre?: Book['genre'] | undefined
  author?: string | undefined
}

/** The books of one process, in memory. A real shop puts its database here: nothing else would change. */
export class Catalogue {
  readonly #books: Map<string, Book>

  constructor(books: readonly Book[]) {
    this.#books = new Map(books.map((book) => [book.isbn, book]))
  }

  get(isbn: string): Book | undefined {
    return this.#books.get(isbn)
  }

  search({ genre, author }: Search): Book[] {
    const wanted = author?.toLowerCase()
    return [...this.#books.values()].filter(
      (book) => (!genre || book.genre === genre) && (!wanted || book.author.toLowerCase().includes(wanted)),
    )
  }

  put(book: Book): Book {
    this.#books.set(book.isbn, book)
    return book
  }

  change({ isbn, title, priceCents, stock }: BookChanges): Book | undefined {
    const book = this.#books.get(isbn)
    if (!book) return undefined
    return this.put({
      ...book,
      title: title ?? book.title,
      priceCents: priceCents ?? book.priceCents,
      stock: stock ?? book.stock,
    })
  }

  remove(isbn: string): boolean {
    return this.#books.delete(isbn)
  }
}
