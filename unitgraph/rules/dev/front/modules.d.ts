/** The little of Bun's own interface that the front uses, so that it needs no package for it. */
declare module 'node:fs' {
  export const existsSync: (path: string) => boolean
  export const lstatSync: (path: string) => { readonly mtimeMs: number; readonly size: number; readonly ino: number }
}
declare module 'node:module' {
  export interface Payload {
    readonly mappings: string
    readonly sources: readonly string[]
  }
  export class SourceMap {
    constructor(payload: Payload)
    /** Lines and columns from 0. */
    findEntry(line: number, column: number): { readonly originalSource?: string; readonly originalLine: number; readonly originalColumn: number }
  }
}
declare module 'node:path' {
  export const join: (...parts: string[]) => string
  export const normalize: (path: string) => string
}
declare module 'node:readline' {
  export const createInterface: (options: { input: unknown }) => AsyncIterable<string>
}

interface ImportMeta {
  readonly dir: string
}
