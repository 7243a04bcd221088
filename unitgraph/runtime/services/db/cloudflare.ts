/** `db` on D1, by a dialect of ours: Kysely's compiler for SQLite, and a driver over the binding. */
import { NotImplementedError } from '../../core/errors.ts'
import { bound, type Services } from '../bound.ts'
import { runsBatches } from './batch.ts'
import { closing, type CompiledQuery, type Kysely, type KyselyClass, type Part, type QueryResult } from './kysely.ts'

export interface KyselyOfD1 {
  readonly Kysely: KyselyClass
  readonly SqliteAdapter: Part
  readonly SqliteIntrospector: Part
  readonly SqliteQueryCompiler: Part
}

interface Result {
  readonly results?: readonly unknown[]
  readonly meta: { readonly changes?: number; readonly last_row_id?: number; readonly changed_db?: boolean }
}

interface Statement {
  bind(...values: unknown[]): Statement
  all(): Promise<Result>
}

interface D1 {
  prepare(sql: string): Statement
  batch(statements: readonly Statement[]): Promise<readonly Result[]>
}

/** What D1 takes of a value: as SQLite keeps it. */
const bindable = (value: unknown): unknown =>
  typeof value === 'boolean' ? Number(value) : value === undefined ? null : value

const prepare = (d1: D1, { sql, parameters }: CompiledQuery): Statement => d1.prepare(sql).bind(...parameters.map(bindable))

const resultOf = ({ results = [], meta }: Result): QueryResult => ({
  rows: results,
  ...(meta.changes !== undefined && meta.changes > 0 && { numAffectedRows: BigInt(meta.changes) }),
  ...(meta.changes === 0 && results.length === 0 && { numAffectedRows: 0n }),
  ...(meta.last_row_id && { insertId: BigInt(meta.last_row_id) }),
})

const noTransactions = async (): Promise<never> => {
  throw new NotImplementedError(
    'D1 has no transactions in which a Worker can think: give batch(db, [...]) the statements that must happen together',
  )
}

const driver = (d1: D1) => ({
  init: async () => undefined,
  acquireConnection: async () => ({
    executeQuery: async (query: CompiledQuery) => resultOf(await prepare(d1, query).all()),
    streamQuery: () => {
      throw new NotImplementedError('D1 gives all rows at once: there is nothing to stream')
    },
  }),
  beginTransaction: noTransactions, commitTransaction: noTransactions, rollbackTransaction: noTransactions,
  savepoint: noTransactions, rollbackToSavepoint: noTransactions, releaseSavepoint: noTransactions,
  releaseConnection: async () => undefined,
  destroy: async () => undefined,
})

export const db = ({ Kysely, SqliteAdapter, SqliteIntrospector, SqliteQueryCompiler }: KyselyOfD1, binding: string) =>
  (base: Services): Kysely => {
    const d1 = bound<D1>(base, binding, 'prepare')
    class Adapter extends SqliteAdapter {
      /** Statements don't wait for each other. */
      get supportsMultipleConnections(): boolean {
        return true
      }
    }
    const made = new Kysely({
      dialect: {
        createAdapter: () => new Adapter(),
        createDriver: () => driver(d1),
        createIntrospector: (kysely: never) => new SqliteIntrospector(kysely),
        createQueryCompiler: () => new SqliteQueryCompiler(),
      },
    })
    runsBatches(made, async (queries) => (await d1.batch(queries.map((query) => prepare(d1, query)))).map(resultOf))
    return closing(made)
  }
