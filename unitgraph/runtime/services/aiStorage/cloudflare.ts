/** `aiStorage` of a Worker: threads and runs of agents in a D1 database. */
import { sqlStore, TABLES, type Row } from '../../agent/sql.ts'
import type { AgentStore } from '../../agent/store.ts'
import { once } from '../../core/services.ts'
import { bound, type Services } from '../bound.ts'

interface Statement {
  bind(...values: readonly unknown[]): Statement
}

interface Database {
  prepare(sql: string): Statement
  /** One transaction. */
  batch(statements: readonly Statement[]): Promise<{ results?: Row[]; meta: { changes?: number } }[]>
}

export const aiStorage = (binding: string) => (base: Services): AgentStore => {
  const database = (): Database => bound<Database>(base, binding, 'batch')
  const begin = once(() => database().batch(TABLES.map((sql) => database().prepare(sql))))
  return sqlStore(async (statements) => {
    const done = await database().batch(statements.map(([sql, ...values]) => database().prepare(sql).bind(...values)))
    return done.map(({ results = [], meta }) => ({ rows: results, changes: meta.changes ?? 0 }))
  }, begin)
}
