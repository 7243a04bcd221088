/** `aiStorage` in a process: threads and runs of agents in a SQLite file, which processes of a machine may share. */
import { sqlStore, TABLES, type Done, type Row } from '../../agent/sql.ts'
import type { AgentStore } from '../../agent/store.ts'
import type { Place } from '../../core/services.ts'
import { openFile } from '../../server/file.ts'

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

export const aiStorage = (_base: unknown, { folder }: Place): AgentStore => storedInFile(folder())
