import type { Generated } from 'kysely'

export interface Database {
  books: { id: string; title: string; stock: Generated<number> }
  orders: { id: string; book: string; count: number }
  files: { id: Generated<number>; content: Uint8Array | null; is_kept: boolean | number | null }
}
