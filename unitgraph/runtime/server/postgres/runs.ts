/**
 * Runs in PostgreSQL, shared by any number of processes. Whatever becomes due in one turn of the loop is one call of a
 * routine, and so one round trip and one commit. Nothing of a session is relied on.
 */
import { inGroups } from '../groups.ts'
import type { Client } from './client.ts'
import { migrate } from './schema.ts'
import { flowOf } from '../../workflow/flow.ts'
import { ENDS, type Entry, type Head, type Message, type Run } from '../../workflow/run.ts'
import { isFaultOfServer, raw } from '../../workflow/sql.ts'
import type { Append, Appended, Database, Delivered, Started, Store, Transaction } from '../../workflow/store.ts'
import { COLUMNS, createRoutines, migrations } from './routines.ts'
import { escaped, fromText, toText } from './texts.ts'

type Row = Readonly<Record<string, unknown>>
type Operation = Readonly<Record<string, unknown>> & { readonly do: string; readonly id: string }

interface WholeRow {
  readonly head: Row
  readonly input: string
  readonly output: string | null
  readonly error: string | null
  readonly underway: string | null
  readonly journal: readonly Row[]
  readonly inbox: readonly Row[]
}

const headOf = (row: Row): Head => Object.fromEntries(Object.entries(COLUMNS).map(([name, column]) => [name, row[column]])) as unknown as Head
const entryOf = ({ run_id: _run, started_at: startedAt, ...rest }: Row): Entry => ({ ...rest, startedAt }) as unknown as Entry
const messageOf = ({ run_id: _run, message_id: messageId, key, ...rest }: Row): Message =>
  ({ ...rest, messageId, ...(key !== null && { key }) }) as unknown as Message
const runOf = ({ head, journal, inbox, ...rest }: WholeRow): Run =>
  ({ ...rest, head: headOf(head), journal: journal.map(entryOf), inbox: inbox.map(messageOf) })
const maybe = (row: unknown): Head | undefined => (row === null ? undefined : headOf(row as Row))

const LIMITS = { most: 200, atOnce: 3 }
/** What PostgreSQL asks to do again: a deadlock, or a database whose transactions are serializable by default. */
const AGAIN: ReadonlySet<unknown> = new Set(['40001', '40P01'])
const TRIES = 5

const errorCode = (error: unknown): unknown => (error as { errno?: unknown }).errno

const appending = ({ change, ...given }: Append): Operation => {
  const status = change?.status ?? 'running'
  return { do: 'append', ...given, ...change, status, grows: given.entries.length, ends: ENDS.has(status) }
}

/** Of a transaction in a database that has no runs. */
const ELSEWHERE = Symbol('elsewhere')

/** `clock` is the server's, unless a test has its own. */
export const createRunStore = async (client: Client, schema: string, clock?: () => number): Promise<Store> => {
  const routines = await createRoutines(schema)
  await migrate(client, schema, 'runs', migrations(schema), { sql: routines.sql, witness: `${routines.call('purge')}(json, bigint)` })

  const call = async (name: string, given: unknown): Promise<readonly unknown[]> => {
    const sql = `SELECT answer::text FROM ${routines.call(name)}($1::text::json, ${clock?.() ?? 'NULL'}) AS answer`
    for (let tries = 1; ; tries += 1) {
      try {
        const rows = await client.run<{ answer: string | null }>(sql, toText(given))
        return rows.map(({ answer }) => (answer === null ? null : fromText(answer)))
      } catch (error) {
        if (!AGAIN.has(errorCode(error)) || tries === TRIES) throw error
      }
    }
  }
  const one = async <Answer>(name: string, given: unknown): Promise<Answer> => (await call(name, given))[0] as Answer

  /** Of starts that may need a place or a token. */
  const keysOf = ({ do: what, worker, concurrencyKey, rateKey }: Operation): unknown[] =>
    (what === 'start' && worker !== undefined ? [concurrencyKey, rateKey].filter((key) => key !== null) : [])
  const perform = (operations: readonly Operation[]): Promise<readonly unknown[]> =>
    call('work', { keys: operations.flatMap(keysOf), operations })

  const together = inGroups(async (given: readonly Operation[]): Promise<readonly Promise<unknown>[]> => {
    // in an order that is the same for all, so that two groups don't wait for each other
    const order = given.map((_operation, index) => index).sort((a, b) => (given[a]!.id < given[b]!.id ? -1 : given[a]!.id > given[b]!.id ? 1 : a - b))
    const answers: Promise<unknown>[] = []
    try {
      const rows = await perform(order.map((index) => given[index]!))
      for (const [place, index] of order.entries()) answers[index] = Promise.resolve(rows[place])
    } catch (error) {
      // one that can't be done is no reason for the others
      if (errorCode(error) === undefined || given.length === 1) throw error
      for (const [index, operation] of given.entries()) {
        answers[index] = perform([operation]).then(([row]) => row)
        await answers[index].catch(() => undefined)
      }
    }
    return answers
  }, LIMITS)
  const work = async <Answer>(operation: Operation): Promise<Answer> => (await together(operation)) as Answer

  const filtered = (clauses: readonly (readonly [sql: string, value: string | number | undefined])[]): { where: string; values: (string | number)[] } => {
    const values: (string | number)[] = []
    const parts = clauses.flatMap(([sql, value]) => (value === undefined ? [] : [sql.replaceAll('?', `$${values.push(typeof value === 'string' ? escaped(value) : value)}`)]))
    return { where: parts.length > 0 ? `WHERE ${parts.join(' AND ')}` : '', values }
  }
  const has = (what: string): string => `position(lower(?::text COLLATE "C") IN lower(${what})) > 0`

  /** Without runs. */
  const others = new WeakSet<Database>()
  const held = `SELECT 1 AS is FROM ${schema}.runs WHERE id = $1 AND epoch = $2::text::bigint AND status = 'running'`
  const isHeld = async (id: string, epoch: number): Promise<boolean> => (await client.run(held, escaped(id), String(epoch))).length > 0
  /** In whichever database the transaction is. */
  const isHeldIn = async (transaction: Transaction, id: string, epoch: number): Promise<boolean> => {
    try {
      const { rows: [there] } = await transaction.executeQuery(raw('SELECT to_regclass($1) IS NOT NULL AS is', `${schema}.runs`))
      if (!(there as { is: boolean }).is) return false
    } catch (error) {
      if (isFaultOfServer(error)) throw error
      return false
    }
    const { rows } = await transaction.executeQuery(raw(held, escaped(id), String(epoch)))
    return rows.length > 0
  }

  return {
    start: async ({ id, ...run }, lease) => {
      const answer = await work<{ is: Started['is']; head: Row; now: number }>({ do: 'start', id, ...run, ...flowOf(run), ...lease })
      const head = headOf(answer.head)
      if (answer.is !== 'started') return { is: answer.is, head }
      return { is: 'started', run: { head, input: run.input, output: null, error: null, underway: null, journal: [], inbox: [] }, now: answer.now }
    },
    claim: async (claim) => {
      const { runs, now, nextAt } = await one<{ runs: WholeRow[]; now: number; nextAt: number | null }>('claim', claim)
      return { runs: runs.map(runOf), now, nextAt }
    },
    append: (given) => work<Appended>(appending(given)),
    isHeld,
    transact: async (database, { id, epoch }, prepare) => {
      if (others.has(database)) return { is: 'elsewhere' }
      let isSent = false
      let answer: Appended | undefined
      try {
        await database.transaction().execute(async (transaction) => {
          if (!(await isHeldIn(transaction, id, epoch)) && (await isHeld(id, epoch))) throw ELSEWHERE
          const append = await prepare(transaction)
          isSent = true
          const sql = `SELECT answer::text FROM ${routines.call('append')}($1::text::json, ${clock?.() ?? 'NULL'}) AS answer`
          const { rows: [row] } = await transaction.executeQuery(raw(sql, toText({ ...appending(append), alone: true })))
          answer = fromText((row as { answer: string }).answer) as Appended
          if (answer.is !== 'ok') throw new Error('The run is somebody else\'s')
        })
        return answer as Appended
      } catch (error) {
        if (error === ELSEWHERE) {
          others.add(database)
          return { is: 'elsewhere' }
        }
        if (answer && answer.is !== 'ok') return answer
        if (isSent && isFaultOfServer(error)) return { is: 'unknown' }
        throw error
      }
    },
    note: async (id, epoch, underway) => void (await work({ do: 'note', id, epoch, underway })),
    renew: async (lease, ids) => {
      const answer = await one<{ now: number; kept: Readonly<Record<string, boolean>> }>('renew', { ...lease, ids })
      const kept = new Map(Object.entries(answer.kept))
      return { now: answer.now, lost: ids.filter((id) => !kept.has(id)), cancelled: ids.filter((id) => kept.get(id)) }
    },
    release: async (worker) => void (await one('release', { worker })),
    deliver: async (id, message) => {
      const answer = await work<{ is: Delivered['is']; first?: Row; head?: Row }>({ do: 'deliver', id, ...message })
      if (answer.is === 'duplicate') return { is: answer.is, first: messageOf(answer.first as Row) }
      return answer.is === 'late' ? { is: answer.is, head: headOf(answer.head as Row) } : { is: answer.is }
    },
    inbox: async (id, after) => (await work<readonly Row[]>({ do: 'inbox', id, after })).map(messageOf),
    load: async (id) => {
      const row = await work<WholeRow | null>({ do: 'load', id })
      return row === null ? undefined : runOf(row)
    },
    list: async ({ name, status, since, text, before, limit }) => {
      const { where, values } = filtered([
        ['name = ?', name], ['status = ?', status], ['created_at >= ?', since],
        ['created_at <= ?', before?.createdAt], [`(created_at, id) < (${before?.createdAt ?? 0}, ?)`, before?.id],
        [`(${[has('id'), has('name'), has('reason'), has(`(SELECT input FROM ${schema}.payloads WHERE payloads.id = runs.id)`)].join(' OR ')})`, text],
      ])
      const rows = await client.run<{ head: string }>(
        `SELECT row_to_json(runs)::text AS head FROM ${schema}.runs ${where} ORDER BY created_at DESC, id DESC LIMIT ${limit}`, ...values,
      )
      return rows.map(({ head }) => headOf(fromText(head) as Row))
    },
    cancel: async (id, reason) => maybe(await work({ do: 'cancel', id, reason })),
    resume: async (id) => maybe(await work({ do: 'resume', id })),
    fork: async (id, as, throughSeq) => maybe(await work({ do: 'fork', id: as, from: id, throughSeq })),
    purge: (count, endedBefore) => one('purge', { count, endedBefore }),
    close: async () => undefined,
  }
}
