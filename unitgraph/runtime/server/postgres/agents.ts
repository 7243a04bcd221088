/** Threads and runs of agents in PostgreSQL: the SQL that they are everywhere, in the project's schema. */
import { sqlStore, TABLES, type Row } from '../../agent/sql.ts'
import type { AgentStore } from '../../agent/store.ts'
import { once } from '../../core/services.ts'
import type { Client } from './client.ts'

/** `schema` is quoted. */
export const createAgents = (client: Client, schema: string, now?: () => number): AgentStore => {
  const within = `BEGIN; SET LOCAL search_path TO ${schema}`
  // so that of two that start at once, one finds what the other has made
  const begin = once(() => client.run(`SET LOCAL search_path TO ${schema}; LOCK TABLE version IN SHARE ROW EXCLUSIVE MODE; ${TABLES.join('; ')}`))
  return sqlStore(async (statements) => {
    const done = await client.transaction<Row>(within, statements.map(([sql, ...values]) => {
      let number = 0
      return [sql.replace(/\?/g, () => `$${number += 1}`), ...values] as const
    }))
    return done.map(({ rows, count }) => ({ rows, changes: count }))
  }, begin, now, ' FOR UPDATE')
}
