/** Migrations of D1 on this machine, as `wrangler d1 migrations apply` makes them: each file once, in its own table. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

interface Statement {
  bind(...values: unknown[]): Statement
  all(): Promise<{ results: unknown[] }>
}

export interface D1 {
  prepare(sql: string): Statement
  batch(statements: Statement[]): Promise<unknown>
}

/** What a text of SQL can't be cut in: quoted text, names, comments. */
const WHOLE = /'(?:[^']|'')*'|"(?:[^"]|"")*"|`[^`]*`|\[[^\]]*\]|--[^\n]*|\/\*[\s\S]*?\*\//y
const TRIGGER = /^(?:\s|--[^\n]*\n|\/\*[\s\S]*?\*\/)*CREATE\s+(?:TEMP\s+|TEMPORARY\s+)?TRIGGER\b/i

/** The statements of a text; one that makes a trigger ends with its END. */
export const statementsOf = (text: string): string[] => {
  const found: string[] = []
  let from = 0
  for (let at = 0; at <= text.length; at += 1) {
    WHOLE.lastIndex = at
    const whole = WHOLE.exec(text)?.[0]
    if (whole) {
      at += whole.length - 1
      continue
    }
    if (at < text.length && text[at] !== ';') continue
    const statement = text.slice(from, at)
    if (text[at] === ';' && TRIGGER.test(statement) && !/\bEND\s*$/i.test(statement)) continue
    if (statement.replace(/--[^\n]*|\/\*[\s\S]*?\*\//g, '').trim()) found.push(statement.trim())
    from = at + 1
  }
  return found
}

const TABLE = `CREATE TABLE IF NOT EXISTS d1_migrations (
  id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE, applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL)`

/** The names of those that were applied now. */
export const applyMigrations = async (d1: D1, folder: string): Promise<string[]> => {
  await d1.prepare(TABLE).all()
  const { results } = await d1.prepare('SELECT name FROM d1_migrations').all()
  const applied = new Set((results as { name: string }[]).map(({ name }) => name))
  const waiting = readdirSync(folder).filter((name) => name.endsWith('.sql') && !applied.has(name)).sort()
  for (const name of waiting) {
    const statements = statementsOf(readFileSync(join(folder, name), 'utf8')).map((sql) => d1.prepare(sql))
    await d1.batch([...statements, d1.prepare('INSERT INTO d1_migrations (name) VALUES (?)').bind(name)])
  }
  return waiting
}

interface Databases {
  getD1Database(binding: string, worker: string): Promise<unknown>
}

interface Migrated {
  readonly name: string
  readonly d1_databases?: readonly { readonly binding: string; readonly database_name: string; readonly migrations_dir?: string }[]
}

/** Each database of the Workers once; `folders` are theirs. */
export const migrateAll = async (miniflare: Databases, workers: readonly { folder: string; config: Migrated }[]): Promise<string[]> => {
  const done = new Set<string>()
  const applied: string[] = []
  for (const { folder, config } of workers) {
    for (const { binding, database_name, migrations_dir } of config.d1_databases ?? []) {
      if (migrations_dir === undefined || done.has(database_name)) continue
      done.add(database_name)
      applied.push(...(await applyMigrations(await miniflare.getD1Database(binding, config.name) as D1, join(folder, migrations_dir))))
    }
  }
  return applied
}
