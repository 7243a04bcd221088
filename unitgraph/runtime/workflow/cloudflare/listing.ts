/**
 * The list of a workflow's runs on Cloudflare, in an object of its own, which each run tells what it has become. Nothing
 * depends on it: a run tells it beside its path and again until it has heard, so it is late and never wrong for long; and
 * should it be lost, runs that are asked to (`retell`) make it anew.
 */
import type { Head } from '../run.ts'
import type { Filter } from '../store.ts'

export interface Sql {
  exec(query: string, ...values: readonly (string | number | null)[]): { toArray(): Readonly<Record<string, unknown>>[] }
}

/** Asked of the object of a workflow's list. */
export interface Listing {
  /** Of two words on a run, the later one holds; gives when that one was said. */
  told(head: Head, input: string, at: number): number
  gone(id: string): void
  listed(filter: Filter): readonly Head[]
}

/** As much of an input as is searched. */
export const SEARCHED = 2000

/** The name of the object. */
export const listOf = (workflow: string): string => `list\0${workflow}`

const SCHEMA = [
  `CREATE TABLE IF NOT EXISTS listed (id TEXT PRIMARY KEY, name TEXT NOT NULL, status TEXT NOT NULL, createdAt INTEGER NOT NULL,
     reason TEXT, input TEXT NOT NULL, head TEXT NOT NULL, at INTEGER NOT NULL) WITHOUT ROWID`,
  'CREATE INDEX IF NOT EXISTS listed_newest ON listed (createdAt, id)',
]

export const createListing = (sql: Sql): Listing => {
  for (const statement of SCHEMA) sql.exec(statement)
  return {
    told: (head, input, at) => {
      sql.exec(
        `INSERT INTO listed (id, name, status, createdAt, reason, input, head, at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
           ON CONFLICT (id) DO UPDATE SET status = ?3, reason = ?5, head = ?7, at = ?8 WHERE at <= ?8`,
        head.id, head.name, head.status, head.createdAt, head.reason, input, JSON.stringify(head), at,
      )
      return Number(sql.exec('SELECT at FROM listed WHERE id = ?', head.id).toArray()[0]?.['at'])
    },
    gone: (id) => void sql.exec('DELETE FROM listed WHERE id = ?', id),
    listed: ({ name, status, since, text, before, limit }) => sql.exec(
      `SELECT head FROM listed WHERE (?1 IS NULL OR name = ?1) AND (?2 IS NULL OR status = ?2)
         AND (?3 IS NULL OR (createdAt, id) < (?3, ?4)) AND (?6 IS NULL OR createdAt >= ?6)
         AND (?7 IS NULL OR instr(lower(id), lower(?7)) OR instr(lower(name), lower(?7)) OR instr(lower(reason), lower(?7))
           OR instr(lower(input), lower(?7)))
         ORDER BY createdAt DESC, id DESC LIMIT ?5`,
      name ?? null, status ?? null, before?.createdAt ?? null, before?.id ?? null, limit, since ?? null, text ?? null,
    ).toArray().map(({ head }) => JSON.parse(String(head)) as Head),
  }
}
