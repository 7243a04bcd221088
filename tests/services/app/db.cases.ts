/** What `db` does on every database. Rows of a case have ids that begin with its own name. */
import { sql, type Kysely } from 'kysely'
import { batch } from '#pikku/services'
import { refused, same, type Cases } from './check.js'
import type { Database } from './database.js'

type Db = Kysely<Database>

const titles = async (db: Db, prefix: string): Promise<string[]> =>
  (await db.selectFrom('books').select('title').where('id', 'like', `${prefix}%`).orderBy('id').execute()).map(({ title }) => title)

export const dbCases: Cases<Db> = {
  'rows that were inserted are selected': async (db) => {
    await db.insertInto('books').values([{ id: 'rows-1', title: 'Emma', stock: 3 }, { id: 'rows-2', title: 'Überall 🙂', stock: 0 }]).execute()
    const found = await db.selectFrom('books').selectAll().where('id', 'like', 'rows-%').orderBy('id').execute()
    same(found, [{ id: 'rows-1', title: 'Emma', stock: 3 }, { id: 'rows-2', title: 'Überall 🙂', stock: 0 }])
    same(await db.selectFrom('books').selectAll().where('id', '=', 'nobody').executeTakeFirst(), undefined)
  },
  'how many were changed is told': async (db) => {
    await db.insertInto('books').values([{ id: 'count-1', title: 'a' }, { id: 'count-2', title: 'b' }]).execute()
    const updated = await db.updateTable('books').set({ stock: 9 }).where('id', 'like', 'count-%').executeTakeFirst()
    const none = await db.updateTable('books').set({ stock: 9 }).where('id', '=', 'nobody').executeTakeFirst()
    const deleted = await db.deleteFrom('books').where('id', '=', 'count-1').executeTakeFirst()
    same([updated.numUpdatedRows, none.numUpdatedRows, deleted.numDeletedRows], [2n, 0n, 1n])
  },
  'what was inserted is given back': async (db) => {
    const made = await db.insertInto('files').values({ content: Uint8Array.of(1, 2, 255), is_kept: null }).returning(['id', 'content', 'is_kept']).executeTakeFirstOrThrow()
    same([typeof made.id, [...new Uint8Array(made.content as Uint8Array)], made.is_kept], ['number', [1, 2, 255], null])
  },
  'booleans and null': async (db) => {
    const { id } = await db.insertInto('files').values({ content: null, is_kept: true }).returning('id').executeTakeFirstOrThrow()
    const row = await db.selectFrom('files').selectAll().where('id', '=', id).executeTakeFirstOrThrow()
    same([row.content, Boolean(row.is_kept)], [null, true])
  },
  'raw SQL with values is no way in': async (db) => {
    const evil = "x'; DROP TABLE books; --"
    await db.insertInto('books').values({ id: 'raw-1', title: evil }).execute()
    const { rows } = await sql<{ title: string }>`SELECT title FROM books WHERE title = ${evil}`.execute(db)
    same(rows, [{ title: evil }])
  },
  'constraints hold, and what failed changed nothing': async (db) => {
    await db.insertInto('books').values({ id: 'held-1', title: 'first' }).execute()
    await refused(() => db.insertInto('books').values({ id: 'held-1', title: 'again' }).execute())
    await refused(() => db.insertInto('orders').values({ id: 'held-1', book: 'nobody', count: 1 }).execute())
    await refused(() => db.insertInto('orders').values({ id: 'held-1', book: 'held-1', count: 0 }).execute())
    same(await titles(db, 'held-'), ['first'])
  },
  'statements of a batch happen together': async (db) => {
    const results = await batch(db, [
      db.insertInto('books').values({ id: 'batch-1', title: 'one' }),
      db.insertInto('books').values({ id: 'batch-2', title: 'two' }),
      db.updateTable('books').set({ stock: 1 }).where('id', 'like', 'batch-%'),
      db.selectFrom('books').select('id').where('id', 'like', 'batch-%').orderBy('id'),
    ])
    same([results.length, results[2]?.numAffectedRows, results[3]?.rows], [4, 2n, [{ id: 'batch-1' }, { id: 'batch-2' }]])
  },
  'or not at all': async (db) => {
    await refused(() => batch(db, [
      db.insertInto('books').values({ id: 'none-1', title: 'one' }),
      db.insertInto('orders').values({ id: 'none-1', book: 'none-1', count: 0 }),
    ]))
    same(await titles(db, 'none-'), [])
    same(await batch(db, []), [])
  },
  'beside each other': async (db) => {
    await Promise.all(Array.from({ length: 30 }, (_, index) => db.insertInto('books').values({ id: `beside-${index}`, title: 't' }).execute()))
    same((await titles(db, 'beside-')).length, 30)
  },
}

export const transactionCases: Cases<Db> = {
  'a transaction that ends is there': async (db) => {
    await db.transaction().execute(async (transaction) => {
      await transaction.insertInto('books').values({ id: 'trx-1', title: 'one' }).execute()
      const { stock } = await transaction.selectFrom('books').select('stock').where('id', '=', 'trx-1').executeTakeFirstOrThrow()
      await transaction.updateTable('books').set({ stock: stock + 5 }).where('id', '=', 'trx-1').execute()
    })
    same(await db.selectFrom('books').select('stock').where('id', '=', 'trx-1').execute(), [{ stock: 5 }])
  },
  'one that fails never was': async (db) => {
    await refused(() => db.transaction().execute(async (transaction) => {
      await transaction.insertInto('books').values({ id: 'undone-1', title: 'one' }).execute()
      throw new Error('no')
    }))
    same(await titles(db, 'undone-'), [])
  },
  'counting beside each other loses nothing': async (db) => {
    await db.insertInto('books').values({ id: 'race', title: 'r', stock: 0 }).execute()
    await Promise.all(Array.from({ length: 20 }, () => db.transaction().execute(async (transaction) => {
      const query = transaction.updateTable('books').set((row) => ({ stock: row('stock', '+', 1) })).where('id', '=', 'race')
      await query.execute()
      await transaction.selectFrom('books').select('stock').where('id', '=', 'race').execute()
    })))
    same(await db.selectFrom('books').select('stock').where('id', '=', 'race').execute(), [{ stock: 20 }])
  },
}

export const noTransactionCases: Cases<Db> = {
  'a transaction is refused, and nothing of it happens': async (db) => {
    same(await refused(() => db.transaction().execute(async (transaction) => {
      await transaction.insertInto('books').values({ id: 'refused-1', title: 'one' }).execute()
    })), 501)
    same(await titles(db, 'refused-'), [])
  },
}
