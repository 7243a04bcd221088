/**
 * A step that is one transaction in a database, while its run is kept elsewhere. What it has come to is a row of ours,
 * which the same transaction writes; the journal has it from there, and whoever asks for the step again finds it.
 *
 * The row is written first, then the store is asked whether the run is still this holder's, then it is committed. So of two
 * holders one writes the row. Who was overtaken long ago, by one whose row has gone meanwhile, is told so by the store: a
 * row goes only once the journal has its step, and by then whoever could still write it has the run no more.
 */
import { digest, toBytes } from '../core/text.ts'
import { isFaultOfServer, raw } from './sql.ts'
import type { Run } from './run.ts'
import type { World } from './steps.ts'
import type { Append, Database, Transacted, Transaction } from './store.ts'

const TABLE = 'unitgraph_steps'
/** `identity`: whose it is, as JSON, since not every database takes every text. */
const SCHEMA = `CREATE TABLE IF NOT EXISTS ${TABLE} (step TEXT PRIMARY KEY, identity TEXT NOT NULL, value TEXT NOT NULL, at BIGINT NOT NULL)`

/** A row is kept for so long at least after the journal has it: a store that forgets forgets less. */
const KEPT_MS = 60_000
/** What is older belongs to nobody who may still come to remove it. */
const LEFT_MS = 600_000
const SWEEP_EVERY_MS = 3_600_000
const SWEEP_COUNT = 100

type Identity = readonly [id: string, name: string, createdAt: number, key: string]

/** What a process has to do with the table of a database. */
interface Table {
  /** Rows that the journal has: of late, and for longer than they are kept. */
  young: string[]
  old: string[]
  isAwaited: boolean
  sweepAt: number
}

const tables = /* @__PURE__ */ new WeakMap<Database, Table>()

const within = <T>(database: Database, sql: string, ...values: unknown[]): Promise<readonly T[]> =>
  database.transaction().execute(async (transaction) => (await transaction.executeQuery(raw(sql, ...values))).rows as T[])

const tableOf = async (database: Database, now: number): Promise<Table> => {
  const known = tables.get(database)
  if (known) return known
  const look = (): Promise<unknown> => within(database, `SELECT step FROM ${TABLE} WHERE step = ''`)
  // asked for first, since to make it may not be allowed; whoever makes it at the same time may be faster
  await look().catch(() => within(database, SCHEMA).catch(look))
  const made = tables.get(database) ?? { young: [], old: [], isAwaited: false, sweepAt: now }
  tables.set(database, made)
  return made
}

const remove = async (database: Database, steps: readonly string[]): Promise<void> => {
  await database.transaction().execute(async (transaction) => {
    for (const step of steps) await transaction.executeQuery(raw(`DELETE FROM ${TABLE} WHERE step = $1`, step))
  })
}

/** Rows that a process left when it died. A run that isn't known here may be another store's, and is left alone. */
const sweep = async (world: World, database: Database): Promise<void> => {
  const before = world.now() - LEFT_MS
  for (let last = ''; ;) {
    const rows = await within<{ step: string; identity: string }>(
      database, `SELECT step, identity FROM ${TABLE} WHERE at < $1 AND step > $2 ORDER BY step LIMIT ${SWEEP_COUNT}`, before, last,
    )
    const gone: string[] = []
    for (const { step, identity } of rows) {
      const [id, name, createdAt, key] = JSON.parse(identity) as Identity
      const run = await world.store.load(id)
      if (run?.head.name !== name || run.head.createdAt !== createdAt) continue
      if (run.head.finishedAt !== null || run.journal.some((entry) => entry.key === key && entry.phase === 'done')) gone.push(step)
    }
    if (gone.length > 0) await remove(database, gone)
    if (rows.length < SWEEP_COUNT) return
    last = rows.at(-1)?.step ?? ''
  }
}

const tidy = async (world: World, database: Database, table: Table): Promise<void> => {
  const { old } = table
  Object.assign(table, { old: table.young, young: [] })
  if (old.length > 0) await remove(database, old)
  if (table.sweepAt > world.now()) return
  table.sweepAt = world.now() + SWEEP_EVERY_MS
  await sweep(world, database)
}

const later = (world: World, database: Database, table: Table): void => {
  if (table.isAwaited) return
  table.isAwaited = true
  world.after(KEPT_MS, () => {
    table.isAwaited = false
    // what isn't removed now is found by a sweep
    void tidy(world, database, table).catch(() => undefined)
    if (table.old.length > 0) later(world, database, table)
  })
}

const LATE = Symbol('late')

/** `work` does what the step does, unless its outcome is known, and says how that is recorded once it may be. */
export const transactApart = async (
  world: World, database: Database, { head }: Run, key: string, work: (transaction: Transaction, known?: string) => Promise<Append>,
): Promise<Transacted> => {
  const table = await tableOf(database, world.now())
  const identity = JSON.stringify([head.id, head.name, head.createdAt, key] satisfies Identity)
  const step = await digest(toBytes(identity))
  let append: Append | undefined
  try {
    await database.transaction().execute(async (transaction) => {
      const { rows: [known] } = await transaction.executeQuery(raw(`SELECT value FROM ${TABLE} WHERE step = $1`, step))
      append = await work(transaction, (known as { value: string } | undefined)?.value)
      if (known) return
      const { rows } = await transaction.executeQuery(raw(
        `INSERT INTO ${TABLE} (step, identity, value, at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING RETURNING step`,
        step, identity, append.entries[0]?.value, world.now(),
      ))
      const isHeld = rows.length > 0 && (await world.store.isHeld(head.id, head.epoch).catch(() => false))
      if (!isHeld) throw LATE
    })
  } catch (error) {
    // the run is given up and read anew
    if (error === LATE || (append && isFaultOfServer(error))) return { is: 'unknown' }
    throw error
  }
  if (!append) throw new Error('A transaction that has ended has its record')
  const answer = await world.store.append(append)
  if (answer.is === 'ok') {
    table.young.push(step)
    later(world, database, table)
  }
  return answer
}
