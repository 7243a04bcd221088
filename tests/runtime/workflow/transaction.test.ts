/** Steps whose effects in a database and whose record are one transaction: on a real PostgreSQL, by Kysely. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test'
import { connect } from '../../../unitgraph/runtime/server/postgres/client.ts'
import { createRunStore } from '../../../unitgraph/runtime/server/postgres/runs.ts'
import { prepare } from '../../../unitgraph/runtime/server/postgres/schema.ts'
import { openPostgres } from '../../../unitgraph/runtime/services/db/postgres.ts'
import type { Database, Store, Transaction } from '../../../unitgraph/runtime/workflow/store.ts'
import type { WorkflowWire } from '../../../unitgraph/runtime/types/workflow.ts'
import { placeOf, projectName } from '../stores.ts'
import { createLab, type Lab } from './lab.ts'

const place = placeOf('TEST_POSTGRES')
const client = connect(place)
const project = projectName()
const table = `entries_${process.pid}`
const elsewhere = `elsewhere_${process.pid}`
let schema: string
let db: Database & { destroy(): Promise<void> }
let other: typeof db

const raw = (sql: string) => ({ sql, parameters: [], query: { kind: 'RawNode', sqlFragments: [sql], parameters: [] }, queryId: { queryId: 'test' } })
const insert = (transaction: Transaction, what: string) => transaction.executeQuery(raw(`INSERT INTO ${table} (what) VALUES ('${what}')`))
const entries = async (): Promise<string[]> => (await client.run<{ what: string }>(`SELECT what FROM ${table} ORDER BY n`)).map(({ what }) => what)

beforeAll(async () => {
  schema = await prepare(client, project)
  await client.run(`CREATE TABLE ${table} (n serial, what text, CONSTRAINT once_${process.pid} UNIQUE (what) DEFERRABLE INITIALLY DEFERRED)`)
  await client.run(`CREATE DATABASE ${elsewhere}`)
  const parts = await import('kysely' as string)
  db = (await openPostgres(parts, place.url.href, [])).db as never
  const url = new URL(place.url)
  url.pathname = `/${elsewhere}`
  other = (await openPostgres(parts, url.href, [])).db as never
})
afterAll(async () => {
  await Promise.all([db.destroy(), other.destroy()])
  await client.run(`DROP SCHEMA ${schema} CASCADE`)
  await client.run(`DROP TABLE ${table}`)
  await client.run(`DROP DATABASE ${elsewhere} WITH (FORCE)`)
  await client.close()
})
beforeEach(async () => {
  await createRunStore(client, schema)
  await client.run(`DELETE FROM ${table}; DELETE FROM ${schema}.runs; DELETE FROM ${schema}.payloads; DELETE FROM ${schema}.journal`)
})

let labs = 0
/** The lab's store is opened before its first call. Its workflow is its own: workers of labs before may still look for runs. */
const lab = async (code: (workflow: WorkflowWire) => Promise<unknown>, change: (store: Store) => Store = (store) => store): Promise<Lab> => {
  let now = () => 0
  const store = change(await createRunStore(client, schema, () => now()))
  const name = `pay ${labs += 1}`
  const made = createLab({ workflows: { [name]: code }, store: (clock) => { now = clock; return store } })
  made.spawn('one')
  await made.start(name, {}, 'r1')
  return made
}

test('what a step did and its record are there together, and its value goes on', async () => {
  const made = await lab(async (workflow) => {
    const first = await workflow.do('Debit', async (transaction: Transaction) => { await insert(transaction, 'debit'); return { n: 1 } }, { transaction: db })
    await workflow.sleep('Wait', '1h')
    return { first, second: await workflow.do('Plain', async () => 2) }
  })
  const { status, output, run } = await made.ended('r1')
  expect([status, output, await entries()]).toEqual(['completed', { first: { n: 1 }, second: 2 }, ['debit']])
  expect(run.journal.map(({ key, phase }) => `${key} ${phase}`)).toEqual(['Debit done', 'Wait open', 'Wait done', 'Plain done'])
})

test.each(['in the body', 'as it is committed'])('what fails %s has done nothing, and is tried again', async (where) => {
  await client.run(`INSERT INTO ${table} (what) VALUES ('taken')`)
  let attempts = 0
  const made = await lab(async (workflow) => workflow.do('Debit', async (transaction: Transaction) => {
    attempts += 1
    await insert(transaction, attempts === 1 && where !== 'in the body' ? 'taken' : `attempt ${attempts}`)
    if (attempts === 1 && where === 'in the body') throw new Error('no')
    return attempts
  }, { transaction: db, retryDelay: '1s' }))
  const { output, run } = await made.ended('r1')
  expect([output, await entries()]).toEqual([2, ['taken', 'attempt 2']])
  expect(run.journal.map(({ phase }) => phase)).toEqual(['retry', 'done'])
})

test('steps at the same time, with and without a transaction', async () => {
  const made = await lab(async (workflow) => Promise.all([
    ...['a', 'b', 'c'].map((name) => workflow.do(name, async (transaction: Transaction) => { await insert(transaction, name); return name }, { transaction: db })),
    workflow.do('plain', async () => 'plain'),
  ]))
  expect((await made.ended('r1')).output).toEqual(['a', 'b', 'c', 'plain'])
  expect((await entries()).sort()).toEqual(['a', 'b', 'c'])
})

describe('whoever loses the run while it writes', () => {
  test('has done nothing', async () => {
    let stolen = false
    const made = await lab(async (workflow) => workflow.do('Debit', async (transaction: Transaction) => {
      await insert(transaction, stolen ? 'second' : 'first')
      // as after a long pause: another has it now
      if (!stolen) await client.run(`UPDATE ${schema}.runs SET epoch = epoch + 1, owner = 'another', lease_until = 0`)
      stolen = true
      return 1
    }, { transaction: db }))
    expect((await made.ended('r1')).output).toBe(1)
    expect(await entries()).toEqual(['second'])
  })
  test.each([true, false])('reads what became of it, committed: %p', async (isCommitted) => {
    let lost = 0
    // the answer to COMMIT never comes
    const losing = (store: Store): Store => ({
      ...store,
      transact: (database, held, work) => store.transact!({
        transaction: () => ({
          execute: async (inner) => {
            lost += 1
            if (lost > 1) return database.transaction().execute(inner)
            if (isCommitted) await database.transaction().execute(inner)
            else await database.transaction().execute(async (transaction) => { await inner(transaction); throw new Error('rolled back') }).catch(() => undefined)
            throw Object.assign(new Error('Connection closed'), { code: 'ERR_POSTGRES_CONNECTION_CLOSED' })
          },
        }),
      }, held, work),
    })
    const made = await lab(async (workflow) => workflow.do('Debit', async (transaction: Transaction) => { await insert(transaction, `at ${lost}`); return lost }, { transaction: db }), losing)
    expect((await made.ended('r1')).output).toBe(isCommitted ? 1 : 2)
    expect(await entries()).toEqual([isCommitted ? 'at 1' : 'at 2'])
  })
})

test('where runs are not in that database, its outcome is kept there', async () => {
  // when the journal is to have it: by the lab's clock, which doesn't wait for a database, the row has gone soon after
  const kept: unknown[] = []
  const count = raw('SELECT count(*)::int AS steps FROM unitgraph_steps')
  const looking = (store: Store): Store => ({
    ...store,
    append: async (record) => {
      if (record.entries.some(({ key, phase }) => key.startsWith('There') && phase === 'done')) {
        kept.push(...(await other.transaction().execute((transaction) => transaction.executeQuery(count))).rows)
      }
      return store.append(record)
    },
  })
  const made = await lab(async (workflow) => [
    await workflow.do('There', async (transaction: Transaction) => { await transaction.executeQuery(raw('CREATE TABLE there ()')); return 1 }, { transaction: other }),
    await workflow.do('Here', async (transaction: Transaction) => { await insert(transaction, 'here'); return 2 }, { transaction: db }),
  ], looking)
  expect((await made.ended('r1')).output).toEqual([1, 2])
  expect(kept).toEqual([{ steps: 1 }])
  expect(await entries()).toEqual(['here'])
  expect(await client.run("SELECT to_regclass('unitgraph_steps') IS NULL AS is")).toEqual([{ is: true }])
})
