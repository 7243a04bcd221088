/** Steps that are a transaction in a database while their runs are elsewhere: whoever dies when, it happens once. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { NotImplementedError } from '../../../unitgraph/runtime/core/errors.ts'
import { openPostgres } from '../../../unitgraph/runtime/services/db/postgres.ts'
import { openSqlite } from '../../../unitgraph/runtime/services/db/sqlite.ts'
import { transactApart } from '../../../unitgraph/runtime/workflow/apart.ts'
import { createMemoryStore } from '../../../unitgraph/runtime/workflow/memory.ts'
import type { NewEntry, Run } from '../../../unitgraph/runtime/workflow/run.ts'
import type { World } from '../../../unitgraph/runtime/workflow/steps.ts'
import { raw } from '../../../unitgraph/runtime/workflow/sql.ts'
import type { Database, Transaction } from '../../../unitgraph/runtime/workflow/store.ts'
import type { WorkflowWire } from '../../../unitgraph/runtime/types/workflow.ts'
import { placeOf } from '../stores.ts'
import { createLab, turns, type Code, type Crash, type Lab, type Reached } from './lab.ts'
import { removeStores, STORES, type Make } from './stores.ts'

type Db = Database & { destroy(): Promise<void> }

const folder = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'unitgraph-apart-'))
const DATABASES: Record<string, Db> = {}

beforeAll(async () => {
  const parts = await import('kysely' as string)
  DATABASES['sqlite'] = (await openSqlite(parts, join(folder, 'database.sqlite'), [])).db as never
  DATABASES['postgres'] = (await openPostgres(parts, placeOf('TEST_POSTGRES').url.href, [])).db as never
  for (const db of Object.values(DATABASES)) await run(db, 'DROP TABLE IF EXISTS unitgraph_steps', 'DROP TABLE IF EXISTS debits', 'CREATE TABLE debits (what TEXT, body INTEGER)')
})
afterAll(async () => {
  for (const db of Object.values(DATABASES)) {
    await run(db, 'DROP TABLE IF EXISTS unitgraph_steps', 'DROP TABLE debits')
    await db.destroy()
  }
  rmSync(folder, { recursive: true })
  removeStores()
})

const run = (db: Database, ...sql: string[]): Promise<unknown[]> => db.transaction().execute(async (transaction) => {
  let rows: readonly unknown[] = []
  for (const one of sql) ({ rows } = await transaction.executeQuery(raw(one)))
  return [...rows]
})
const debits = (db: Database) => run(db, 'SELECT what, body FROM debits ORDER BY what, body') as Promise<{ what: string; body: number }[]>
const kept = async (db: Database) => (await run(db, 'SELECT step FROM unitgraph_steps')).length

const nothing = async (): Promise<void> => undefined

/** A database of which each statement, and a transaction's beginning and end, is a call at which its worker may die: what isn't committed by then never is. */
const mortal = (db: Database, { through, track, died }: Reached): Database => ({
  transaction: () => ({
    execute: async (work) => {
      await through(nothing)
      const [begun, ended] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
      // in SQLite, whoever begins may wait for one that waits for time
      if (db !== DATABASES['sqlite']) track(begun.promise)
      const answer = await db.transaction().execute(async (transaction) => {
        begun.resolve()
        const done = async () => {
          const value = await work({ executeQuery: (query) => through(() => {
            const answer = transaction.executeQuery(query)
            track(answer)
            return answer
          }) })
          await through(nothing)
          return value
        }
        try {
          return await Promise.race([done(), died.then(() => { throw new Error('The process is no more') })])
        } finally {
          track(ended.promise)
        }
      }).finally(() => {
        begun.resolve()
        ended.resolve()
      })
      await through(nothing)
      return answer
    },
  }),
})
const seen = new WeakMap<Reached['through'], Map<Database, Database>>()
/** The same one for all that a worker does. */
const of = (db: Database, reached: Reached): Db => {
  const own = seen.get(reached.through) ?? new Map<Database, Database>()
  seen.set(reached.through, own)
  own.set(db, own.get(db) ?? mortal(db, reached))
  return own.get(db) as Db
}

let bodies = 0
/** Says which of its bodies was the one that counts. */
const debit = (what: string) => async (transaction: Transaction): Promise<number> => {
  const body = (bodies += 1)
  await transaction.executeQuery(raw('INSERT INTO debits (what, body) VALUES ($1, $2)', what, body))
  return body
}
const pay = (db: Database): Code => async (workflow, _data, reached) => {
  const options = { transaction: of(db, reached) }
  const first = await workflow.do('first', debit('first'), options)
  const [second, third] = await Promise.all([
    workflow.do('second', debit('second'), options), workflow.do('third', debit('third'), { ...options, compensate: () => undefined }), workflow.do('plain', async () => 0),
  ])
  await workflow.sleep('Wait', '1h')
  return { first, second, third, fourth: await workflow.do('fourth', debit('fourth'), options) }
}

const play = async (db: Database, made: Lab): Promise<void> => {
  await run(db, 'DELETE FROM debits', 'DROP TABLE IF EXISTS unitgraph_steps')
  await made.start('pay', {}, 'r1')
  const { status, output, run: { journal } } = await made.ended('r1')
  expect(status).toBe('completed')
  expect(await debits(db)).toEqual(Object.entries(output as Record<string, number>).map(([what, body]) => ({ what, body })).sort((a, b) => (a.what < b.what ? -1 : 1)))
  const ends = journal.filter(({ phase }) => phase === 'done').map(({ key }) => key)
  expect([...ends].sort()).toEqual(['Wait', 'first', 'fourth', 'plain', 'second', 'third'])
  expect(journal.filter(({ phase }) => phase === 'done').every(({ error }) => error === null)).toBe(true)
}

describe.each([['sqlite', 'sqlite'], ['memory', 'postgres']])('runs in %s, db in %s', (store, database) => {
  const db = () => DATABASES[database] as Db
  const lab = (code: (db: Database) => Code = pay): Lab => createLab({ store: STORES[store] as Make, workflows: { pay: code(db()) } })

  test.each(['before', 'after', 'lost'] as Crash[])('a worker that dies at any one call of store or database, %s it took effect', async (how) => {
    const calm = lab()
    calm.spawn('one')
    await play(db(), calm)
    expect(calm.calls).toBeGreaterThan(40)
    for (let call = 1; call <= calm.calls; call += 1) {
      const made = lab()
      made.crashes.push({ call, how })
      made.spawn('one')
      try {
        await play(db(), made)
      } catch (error) {
        throw new Error(`call ${call} of ${calm.calls}: ${error instanceof Error ? error.message : String(error)}`, { cause: error })
      }
      await made.store.close()
    }
  }, 120_000)
})

describe.each(['sqlite', 'postgres'])('db in %s', (database) => {
  const db = () => DATABASES[database] as Db
  const lab = async (code: (workflow: WorkflowWire, db: Db) => Promise<unknown>): Promise<Lab> => {
    await run(db(), 'DELETE FROM debits', 'DROP TABLE IF EXISTS unitgraph_steps')
    const made = createLab({ workflows: { pay: (workflow, _data, reached) => code(workflow, of(db(), reached)) } })
    made.spawn('one')
    await made.start('pay', {}, 'r1')
    return made
  }
  const steal = async (made: Lab): Promise<void> => {
    made.skip(20_000)
    await made.store.claim({ worker: 'another', ttlMs: 1, versions: { pay: '1' }, count: 1 })
    made.skip(1)
  }

  test('what fails is rolled back and tried again, and its row with it', async () => {
    let attempts = 0
    const made = await lab(async (workflow, db) => workflow.do('Debit', async (transaction: Transaction) => {
      await debit('once')(transaction)
      attempts += 1
      if (attempts < 3) throw new Error('no')
      return attempts
    }, { transaction: db }))
    const { output, run: { journal } } = await made.ended('r1')
    expect([output, journal.map(({ phase }) => phase), (await debits(db())).length]).toEqual([3, ['retry', 'retry', 'done'], 1])
  })

  test('whoever loses the run while it writes has done nothing', async () => {
    let bodies = 0
    const made: Lab = await lab(async (workflow, db) => workflow.do('Debit', async (transaction: Transaction) => {
      bodies += 1
      await debit(`body ${bodies}`)(transaction)
      if (bodies === 1) await steal(made)
      return bodies
    }, { transaction: db }))
    expect((await made.ended('r1')).output).toBe(2)
    expect((await debits(db())).map(({ what }) => what)).toEqual(['body 2'])
  })

  test('who was asleep while another did it, recorded it and has forgotten the outcome, has done nothing', async () => {
    await run(db(), 'DELETE FROM debits', 'DROP TABLE IF EXISTS unitgraph_steps')
    let now = 1_000
    const store = createMemoryStore(() => now)
    const timers: (() => void)[] = []
    const world: World = {
      store, now: () => now, turn: async () => undefined, random: () => 0,
      after: (_ms, call) => { timers.push(call); return () => undefined },
    }
    const take = async (worker: string): Promise<Run> => (await store.claim({ worker, ttlMs: 15_000, versions: { pay: '1' }, count: 1 })).runs[0]!
    const entry: NewEntry = { key: 'Debit', kind: 'inline', phase: 'done', fingerprint: '', attempt: 1, input: null, value: '1', error: null, startedAt: 0 }
    const step = (who: string, held: Run, database: Database) => transactApart(world, database, held, 'Debit', async (transaction, known) => {
      if (known === undefined) await debit(who)(transaction)
      return { id: 'r1', epoch: held.head.epoch, fromSeq: 0, entries: [entry] }
    })
    await store.start({ id: 'r1', name: 'pay', version: '1', input: '' })
    const asleep = Promise.withResolvers<void>()
    let begun = 0
    const sleepy: Database = {
      transaction: () => ({
        execute: async (work) => {
          begun += 1
          // the first two make the table, the next is the step's
          if (begun === 3) await asleep.promise
          return db().transaction().execute(work)
        },
      }),
    }
    const late = step('one', await take('one'), sleepy)
    while (begun < 3) await turns(1)
    now += 15_000
    // its table is looked after by the database that it has
    const awake: Database = { transaction: () => db().transaction() }
    expect((await step('two', await take('two'), awake)).is).toBe('ok')
    for (let ticks = 0; ticks < 2; ticks += 1) timers.shift()?.()
    while ((await kept(db())) > 0) await turns(1)
    asleep.resolve()
    expect((await late).is).toBe('unknown')
    expect((await debits(db())).map(({ what }) => what)).toEqual(['two'])
  })

  test('an outcome goes a minute or two after the journal has it, and what a process left when it died within hours', async () => {
    const made = await lab(async (workflow, db) => {
      for (const day of ['1', '2', '3']) {
        await workflow.do(`Debit ${day}`, debit(day), { transaction: db })
        await workflow.sleep(`Wait ${day}`, '1d')
      }
    })
    await made.until(async () => (await made.run('r1')).journal.length === 2)
    const { createdAt } = (await made.run('r1')).head
    const row = (id: string, key: string) => `INSERT INTO unitgraph_steps VALUES ('${id} ${key}', '${JSON.stringify([id, 'pay', createdAt, key])}', '1', ${createdAt})`
    // of this run: what its journal has, and what it hasn't; and of one that another store may know
    await run(db(), row('r1', 'Debit 1'), row('r1', 'Another'), row('r2', 'Debit 1'))
    await made.pass(50_000)
    expect(await kept(db())).toBe(4)
    await made.pass(80_000)
    expect(await kept(db())).toBe(3)
    await made.pass(2 * 86_400_000)
    expect(await run(db(), 'SELECT step FROM unitgraph_steps ORDER BY step')).toEqual([{ step: 'r1 Another' }, { step: 'r2 Debit 1' }])
  })
})

test('a run of the same id that is begun anew does it anew', async () => {
  const db = DATABASES['sqlite'] as Db
  await run(db, 'DELETE FROM debits')
  const made = createLab({ workflows: { pay: async (workflow) => workflow.do('Debit', debit('again'), { transaction: db }) } })
  made.spawn('one')
  for (let time = 1; time <= 2; time += 1) {
    await made.start('pay', {}, 'r1')
    await made.ended('r1')
    made.skip(1)
    expect((await debits(db)).length).toBe(time)
    expect(await made.store.purge(1, made.now)).toBe(1)
  }
})

test('where a database has no transactions, the step fails before it has done anything', async () => {
  const none: Database = { transaction: () => ({ execute: async () => { throw new NotImplementedError('it has batches') } }) }
  const made = createLab({ workflows: { pay: async (workflow) => workflow.do('Debit', async () => { throw new Error('never') }, { transaction: none }) } })
  made.spawn('one')
  await made.start('pay', {}, 'r1')
  const { status, error, run: { journal } } = await made.ended('r1')
  expect([status, error!.message]).toEqual(['failed', 'The step Debit is to be one transaction with its record, and its database has none: it has batches'])
  expect(journal.length).toBe(1)
})

test.each(['body', 'outcome', 'commit', 'journal'])('a process that is killed right after the %s', async (where) => {
  const own = mkdtempSync(join(folder, 'killed-'))
  /** What it says, which is the last that it does. */
  const live = async (...given: string[]): Promise<unknown> => {
    const child = Bun.spawn([process.execPath, join(import.meta.dir, 'apart.fixture.ts'), own, ...given], { stdout: 'pipe', stderr: 'inherit' })
    const { value } = await child.stdout.getReader().read()
    child.kill('SIGKILL')
    await child.exited
    return JSON.parse(new TextDecoder().decode(value))
  }
  expect(await live(where)).toBe(where)
  expect(await live()).toEqual({ status: 'completed', debits: 1 })
}, 30_000)
