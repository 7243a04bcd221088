/** The little of Bun's own modules that the server uses, so that it needs no package for it. */
declare module 'bun:sqlite' {
  type Value = string | number | null
  interface Statement<Row> {
    all(...values: Value[]): Row[]
    get(...values: Value[]): Row | null
    run(...values: Value[]): { readonly changes: number }
  }
  export class Database {
    constructor(path: string, options?: { create?: boolean; strict?: boolean })
    /** Prepared once, kept by its text. */
    query<Row = unknown>(sql: string): Statement<Row>
    run(sql: string): unknown
    transaction<T>(work: () => T): { immediate(): T }
    close(throwOnError?: boolean): void
  }
}

declare module 'node:fs' {
  export const mkdirSync: (path: string, options: { recursive: boolean; mode: number }) => unknown
}
declare module 'node:os' {
  export const homedir: () => string
}
