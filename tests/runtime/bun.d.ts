/** The little of Bun's own interface that these tests use, so that they need no package for it. */
/** A type of Node's that declarations of the MCP SDK name. */
interface Buffer extends Uint8Array {}

declare module 'bun:test' {
  type Work = () => unknown
  interface Each {
    <Row extends readonly [unknown, ...unknown[]]>(rows: readonly Row[]): (name: string, work: (...row: [...Row]) => unknown, timeoutMs?: number) => void
    <Row>(rows: readonly Row[]): (name: string, work: (row: Row) => unknown, timeoutMs?: number) => void
  }
  interface Expectation {
    readonly not: Expectation
    readonly rejects: Expectation
    toBe(expected: unknown): void
    toEqual(expected: unknown): void
    toMatch(expected: RegExp | string): void
    toMatchObject(expected: unknown): void
    toContain(expected: unknown): void
    toContainEqual(expected: unknown): void
    toThrow(expected?: string): void
    toBeTruthy(): void
    toBeGreaterThan(expected: number): void
    toBeGreaterThanOrEqual(expected: number): void
    toBeLessThan(expected: number): void
    toBeLessThanOrEqual(expected: number): void
    // `any`: a class with a protected or private constructor as well
    toBeInstanceOf(expected: any): void
  }
  export const test: { (name: string, work: Work, timeoutMs?: number): void; each: Each }
  export const describe: { (name: string, work: Work): void; each: Each }
  export const expect: { (actual: unknown, note?: string): Expectation; stringContaining(text: string): unknown }
  export const beforeAll: (work: Work) => void
  export const beforeEach: (work: Work) => void
  export const afterAll: (work: Work) => void
  export const afterEach: (work: Work) => void
  /** What `Date` says from now on; without a time what it is. */
  export const setSystemTime: (ms?: number) => void
}

declare module 'node:fs' {
  export const existsSync: (path: string) => boolean
  export const mkdtempSync: (prefix: string) => string
  export const rmSync: (path: string, options: object) => void
  export const cpSync: (from: string, to: string, options: object) => void
  export const symlinkSync: (target: string, path: string) => void
  export const writeFileSync: (path: string, text: string) => void
}
declare module 'node:os' {
  export const tmpdir: () => string
}
declare module 'node:path' {
  export const join: (...parts: string[]) => string
}

interface ImportMeta {
  readonly main: boolean
  readonly dir: string
}

declare const Bun: {
  spawn(command: string[], options: object): {
    readonly stdout: ReadableStream<Uint8Array>
    readonly stderr: ReadableStream<Uint8Array>
    readonly exited: Promise<number>
    kill(signal: string): void
  }
  spawnSync(command: string[], options?: object): { readonly exitCode: number; readonly stdout: Uint8Array; readonly stderr: Uint8Array }
  serve(options: {
    port: number; hostname: string; idleTimeout?: number; fetch: (request: Request) => Response | Promise<Response>
  }): { readonly port: number; stop(now: boolean): Promise<void> }
  file(path: string): { json(): Promise<any>; text(): Promise<string>; readonly size: number }
  resolveSync(name: string, from: string): string
  gzipSync(bytes: Uint8Array): Uint8Array
}
declare const process: {
  readonly execPath: string; readonly pid: number; readonly argv: readonly string[]
  readonly env: Record<string, string | undefined>
}
