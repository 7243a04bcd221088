/** The part of Kysely that a dialect is made of. Kysely itself is the project's own, and its entry hands it in. */

export interface CompiledQuery {
  readonly sql: string
  readonly parameters: readonly unknown[]
}

export interface QueryResult {
  readonly rows: readonly unknown[]
  readonly insertId?: bigint
  readonly numAffectedRows?: bigint
}

export interface Compilable {
  compile(): CompiledQuery
}

/** A database as its project sees it; what it can do is Kysely's to say. */
export interface Kysely {
  destroy(): Promise<void>
  transaction(): { execute<T>(work: (transaction: Kysely) => Promise<T>): Promise<T> }
  executeQuery(query: CompiledQuery): Promise<QueryResult>
}

/** A class of Kysely's: what it takes and gives is between Kysely's parts. */
export type Part = new (...options: never[]) => object

export type KyselyClass = new (options: { dialect: object }) => Kysely

/** Closed with the other services of the process. */
export const closing = (made: Kysely): Kysely & { close(): Promise<void> } =>
  Object.assign(made, { close: () => made.destroy() })
