/** The little of Bun's own modules that the server uses, so that it needs no package for it. */
declare module 'bun:sqlite' {
  type Value = string | number | null
  interface Statement<Row> {
    all(...values: Value[]): Row[]
    get(...values: Value[]): Row | null
    run(...values: Value[]): { readonly changes: number }
    iterate(...values: Value[]): IterableIterator<Row>
    readonly columnNames: readonly string[]
  }
  export class Database {
    constructor(path: string, options?: { create?: boolean; strict?: boolean })
    /** Prepared once, kept by its text. */
    query<Row = unknown>(sql: string): Statement<Row>
    run(sql: string): unknown
    transaction<Given extends unknown[], T>(work: (...given: Given) => T): { immediate(...given: Given): T }
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

/** Bun's clients of PostgreSQL and Redis, which need no package either. */
declare module 'bun' {
  export interface SQLClient {
    /** Without values, `sql` may be several statements, which are one transaction. */
    unsafe<Row = unknown>(sql: string, values?: readonly (string | number | boolean | null)[]): Promise<Row[]>
    /** On a connection of its own, which is made again when it breaks. */
    /** One connection, until it is released. */
    reserve(): Promise<ReservedSQL>
    listen(channel: string, heard: (payload: string) => void, listening?: () => void): Promise<{ unlisten(): Promise<void> }>
    close(options?: { timeout?: number }): Promise<void>
  }
  export interface ReservedSQL extends SQLClient {
    release(): void
  }
  export const SQL: new (url: string, options: {
    max: number
    prepare: boolean
    bigint: boolean
    connectionTimeout: number
    idleTimeout: number
    connection: Readonly<Record<string, string>>
  }) => SQLClient

  export interface RedisConnection {
    onclose: (() => void) | null
    connect(): Promise<unknown>
    send(command: string, values: readonly string[]): Promise<unknown>
    subscribe(channel: string, heard: (message: string, channel: string) => void): Promise<unknown>
    close(): void
  }
  export const RedisClient: new (url: string, options: {
    autoReconnect: boolean
    enableOfflineQueue: boolean
    connectionTimeout: number
  }) => RedisConnection
}

declare module 'node:util' {
  export const parseEnv: (text: string) => Record<string, string>
}
