/** Kysely's own dialect for SQLite on Bun's, and migrations of such a file. */
import type { Database } from 'bun:sqlite'
import { connect, makeFolder } from '../../server/file.ts'
import { closing, type Kysely, type KyselyClass, type Part } from './kysely.ts'
import { migrate, TABLE, type Applied, type Migrated, type Migration } from './migrate.ts'

export interface KyselyOfSqlite {
  readonly Kysely: KyselyClass
  readonly SqliteDialect: Part
}

const TABLE_OF_MIGRATIONS = `CREATE TABLE IF NOT EXISTS ${TABLE} (name TEXT PRIMARY KEY, digest TEXT NOT NULL, applied_at TEXT NOT NULL) STRICT`

const bindable = (value: unknown): never => (typeof value === 'boolean' ? Number(value) : value === undefined ? null : value) as never

/** What Kysely's driver asks of a database. */
const forKysely = (database: Database) => ({
  close: () => database.close(),
  prepare: (sql: string) => {
    // a transaction that begins to write later might find that somebody else has meanwhile
    const statement = database.query(sql === 'begin' ? 'begin immediate' : sql)
    const values = (given: readonly unknown[]) => given.map(bindable)
    return {
      reader: statement.columnNames.length > 0,
      all: (given: readonly unknown[]) => statement.all(...values(given)),
      run: (given: readonly unknown[]) => statement.run(...values(given)),
      iterate: (given: readonly unknown[]) => statement.iterate(...values(given)),
    }
  },
})

/** Under the lock of one who writes; each migration is a transaction with its record. */
const migrated = (database: Database): Migrated => ({
  locked: async (work) => {
    const applied = (): Applied[] => {
      database.run(TABLE_OF_MIGRATIONS)
      return database.query<Applied>(`SELECT name, digest FROM ${TABLE}`).all()
    }
    const record = (migration: Migration) =>
      database.query(`INSERT INTO ${TABLE} VALUES (?, ?, ?)`).run(migration.name, migration.digest, new Date().toISOString())
    const before = applied()
    await work(before, async (migration) => {
      database.transaction(() => {
        // whoever was faster has applied it
        const known = database.query<Applied>(`SELECT name, digest FROM ${TABLE} WHERE name = ?`).get(migration.name)
        if (known?.digest === migration.digest) return
        database.run(migration.sql)
        record(migration)
      }).immediate()
    })
  },
})

export const openSqlite = async (
  { Kysely, SqliteDialect }: KyselyOfSqlite, path: string, migrations: readonly Migration[],
): Promise<{ db: Kysely; applied: readonly string[] }> => {
  const folder = path.slice(0, path.lastIndexOf('/'))
  if (folder) makeFolder(folder)
  const database = connect(path, 'FULL')
  try {
    database.run('PRAGMA foreign_keys = ON')
    const applied = migrations.length > 0 ? await migrate(migrated(database), migrations) : []
    return { db: closing(new Kysely({ dialect: new SqliteDialect({ database: forKysely(database) } as never) })), applied }
  } catch (error) {
    database.close()
    throw error
  }
}
