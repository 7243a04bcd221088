import * as z from 'zod'

export const Isbn = z.string().regex(/^\d{13}$/, 'An ISBN has 13 digits.')

export const Genre = z.enum(['novel', 'poetry', 'history', 'science'])

export const Book = z.object({
  isbn: Isbn,
  title: z.string().min(1),
  author: z.string().min(1),
  genre: Genre,
  priceCents: z.number().int().positive(),
  stock: z.number().int().nonnegative(),
})

export type Book = z.infer<typeof Book>

/** What staff may change of a book; what is left out stays as it is. */
export interface BookChanges {
  isbn: string
  title?: string
  priceCents?: number
  stock?: number
}
