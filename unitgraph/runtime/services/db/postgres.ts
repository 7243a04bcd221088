/// <reference path="../../server/modules.d.ts" />
/** Kysely's own dialect for PostgreSQL on Bun's client, and migrations of such a database. */
import { SQL, type ReservedSQL } from 'bun'
import { closing, type Kysely, type KyselyClass, type Part } from './kysely.ts'
import { migrate, TABLE, type Applied, type Migrated, type Migration } from './migrate.ts'

export interface KyselyOfPostgres {
  readonly Kysely: KyselyClass
  readonly PostgresDialect: Part
}

const CONNECTIONS = 10
const CONNECT_S = 10
/** Of the migrations of whatever project is in a database: one number, drawn once. */
const LOCK = 7_239_414_805_123

const open = (url: string) => new SQL(url, {
  max: CONNECTIONS, prepare: true, bigint: false, connectionTimeout: CONNECT_S, idleTimeout: 0, connection: { application_name: 'unitgraph' },
})

/** What Kysely's driver asks of a pool. */
const forKysely = (sql: ReturnType<typeof open>) => {
  const clients = new WeakMap<ReservedSQL, object>()
  const clientOf = (reserved: ReservedSQL): object => {
    const known = clients.get(reserved) ?? {
      query: async (text: string, values: readonly unknown[] = []) => {
        const rows = values.length > 0 ? await reserved.unsafe(text, values as never) : await reserved.unsafe(text)
        const { command, count } = rows as unknown as { command: string | null; count: number | null }
        return { command: command?.split(' ')[0] ?? '', rowCount: count ?? rows.length, rows: [...rows] }
      },
      release: () => reserved.release(),
    }
    clients.set(reserved, known)
    return known
  }
  return {
    connect: async () => clientOf(await sql.reserve()),
    end: () => sql.close({ timeout: 5 }),
  }
}

/** On one connection, under a lock that ends with it. */
const migrated = (sql: ReturnType<typeof open>): Migrated => ({
  locked: async (work) => {
    const one = await sql.reserve()
    try {
      await one.unsafe(`SELECT pg_advisory_lock(${LOCK})`)
      await one.unsafe(`CREATE TABLE IF NOT EXISTS ${TABLE} (name text PRIMARY KEY, digest text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())`)
      const applied = await one.unsafe<Applied>(`SELECT name, digest FROM ${TABLE}`)
      await work([...applied], async ({ name, digest, sql: text }: Migration) => {
        await one.unsafe('BEGIN')
        try {
          await one.unsafe(text)
          await one.unsafe(`INSERT INTO ${TABLE} (name, digest) VALUES ($1, $2)`, [name, digest])
          await one.unsafe('COMMIT')
        } catch (error) {
          await one.unsafe('ROLLBACK')
          throw error
        }
      })
    } finally {
      await one.unsafe(`SELECT pg_advisory_unlock(${LOCK})`).catch(() => undefined)
      one.release()
    }
  },
})

export const openPostgres = async (
  { Kysely, PostgresDialect }: KyselyOfPostgres, url: string, migrations: readonly Migration[],
): Promise<{ db: Kysely; applied: readonly string[] }> => {
  const sql = open(url)
  try {
    await sql.unsafe('SELECT 1')
    const applied = migrations.length > 0 ? await migrate(migrated(sql), migrations) : []
    return { db: closing(new Kysely({ dialect: new PostgresDialect({ pool: forKysely(sql) } as never) })), applied }
  } catch (error) {
    await sql.close({ timeout: 0 })
    throw error
  }
}
