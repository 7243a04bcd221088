import type { QueueService } from '#pikku'
import type { Book } from '../books/book.ts'

const enough = 4

/** Asks for more of a book that is running out; once, whoever notices it, as long as no more of it goes. */
export async function reorder(queueService: QueueService, { isbn, stock }: Pick<Book, 'isbn' | 'stock'>): Promise<void> {
  if (stock < enough) await queueService.add('reorders', { isbn, copies: enough - stock }, { jobId: `${isbn}, ${stock} left` })
}
