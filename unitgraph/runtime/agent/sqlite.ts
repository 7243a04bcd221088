/** Threads and runs of agents in a SQLite file, which processes of a machine may share. */
import { openFile } from '../server/file.ts'
import { sqlStore, TABLES, type Done, type Row } from './sql.ts'
import type { AgentStore } from './store.ts'

const VERSION = 1

export const storedInFile = (folder: string, now?: () => number): AgentStore & { close(): void } => {
  const database = openFile(folder, 'agents.sqlite', VERSION, TABLES)
  const store = sqlStore(async (statements) =>
    database.transaction(() => statements.map(([sql, ...values]): Done => {
      const statement = database.query<Row>(sql)
      return /^\s*SELECT/.test(sql) ? { rows: statement.all(...values), changes: 0 } : { rows: [], changes: statement.run(...values).changes }
    })).immediate(), async () => undefined, now)
  return { ...store, close: () => database.close() }
}
