/** A process with runs in one file and `db` in another. It says where it stops, and does nothing more, so that it can be killed there. */
import { openSqlite } from '../../../unitgraph/runtime/services/db/sqlite.ts'
import { createLogger } from '../../../unitgraph/runtime/core/logger.ts'
import { createExecution } from '../../../unitgraph/runtime/workflow/execution.ts'
import { raw } from '../../../unitgraph/runtime/workflow/sql.ts'
import { createSqliteStore } from '../../../unitgraph/runtime/workflow/sqlite.ts'
import type { Database, Store, Transaction } from '../../../unitgraph/runtime/workflow/store.ts'
import { createWorkflowWire } from '../../../unitgraph/runtime/workflow/wire.ts'
import { createWorker } from '../../../unitgraph/runtime/workflow/worker.ts'
import { createClock, createWorld } from '../../../unitgraph/runtime/workflow/world.ts'

const [, , folder = '', deadly = ''] = process.argv
const stop = (what: string): void => {
  if (what !== deadly) return
  console.log(JSON.stringify(what))
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
}

const { db: real } = await openSqlite(await import('kysely' as string), `${folder}/database.sqlite`, [])
const db: Database = {
  transaction: () => ({
    execute: async (work) => {
      let isStep = false
      const answer = await real.transaction().execute(async (transaction) => work({
        executeQuery: async (query) => {
          const rows = await transaction.executeQuery(query as never)
          const { sql } = query as { sql: string }
          isStep ||= sql.startsWith('INSERT')
          if (sql.startsWith('INSERT')) stop(sql.startsWith('INSERT INTO debits') ? 'body' : 'outcome')
          return rows
        },
      }))
      if (isStep) stop('commit')
      return answer
    },
  }),
}
await real.executeQuery(raw('CREATE TABLE IF NOT EXISTS debits (what TEXT)') as never)
const runs = createSqliteStore(folder)
const store: Store = {
  ...runs,
  append: async (given) => {
    const answer = await runs.append(given)
    if (given.entries.length > 0) stop('journal')
    return answer
  },
}
const clock = createClock()
const world = createWorld(store, clock)
const worker = createWorker({
  id: crypto.randomUUID(), store, clock, world, versions: { pay: '1' }, most: 10, ttlMs: 400, lookMs: 20, monotonic: () => performance.now(),
  logger: createLogger({ level: 'silent' }),
  execute: async (run, its) => createExecution(run, its, async (steps) => {
    const { wire } = createWorkflowWire(steps, { call: async () => undefined, node: async () => ({ output: undefined, branch: undefined }), isWorkflow: () => false, startChild: async () => undefined })
    return () => wire.do('Debit', async (transaction: Transaction) => { await transaction.executeQuery(raw("INSERT INTO debits VALUES ('debit')")) }, { transaction: db as never })
  }),
})
await store.start({ id: 'r1', name: 'pay', version: '1', input: '' })
worker.start()
while ((await runs.load('r1'))?.head.finishedAt == null) await new Promise((resolve) => setTimeout(resolve, 5))
const { rows } = await real.executeQuery(raw('SELECT * FROM debits') as never)
console.log(JSON.stringify({ status: (await runs.load('r1'))?.head.status, debits: rows.length }))
