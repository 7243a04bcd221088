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
  export const openSync: (path: string, flags: string, mode: number) => number
  export const readSync: (fd: number, bytes: Uint8Array, offset: number, length: number, position: number) => number
  export const writeSync: (fd: number, bytes: Uint8Array, offset: number, length: number) => number
  export const fdatasyncSync: (fd: number) => void
  export const closeSync: (fd: number) => void
  export const unlinkSync: (path: string) => void
  export const readdirSync: (path: string) => string[]
  export const statSync: (path: string) => { readonly mtimeMs: number }
  export const readFileSync: (path: string, encoding: 'utf8') => string
}
declare module 'node:os' {
  export const homedir: () => string
}
