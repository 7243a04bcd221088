/** Several statements that happen together or not at all, wherever a database is. */
import type { Compilable, CompiledQuery, Kysely, QueryResult } from './kysely.ts'

type Together = (queries: readonly CompiledQuery[]) => Promise<readonly QueryResult[]>

/** Databases that have batches and no transactions. */
const batches = /* @__PURE__ */ new WeakMap<object, Together>()

export const runsBatches = (db: Kysely, together: Together): void => void batches.set(db, together)

export const batch = async (db: Kysely, queries: readonly Compilable[]): Promise<readonly QueryResult[]> => {
  const compiled = queries.map((query) => query.compile())
  if (compiled.length === 0) return []
  const together = batches.get(db)
  if (together) return together(compiled)
  return db.transaction().execute(async (transaction) => {
    const results: QueryResult[] = []
    for (const query of compiled) results.push(await transaction.executeQuery(query))
    return results
  })
}
