/** The little of Bun's own interface that the front uses, so that it needs no package for it. */
declare module 'node:fs' {
  export const existsSync: (path: string) => boolean
  export const lstatSync: (path: string) => { readonly mtimeMs: number; readonly size: number; readonly ino: number }
}
declare module 'node:path' {
  export const join: (...parts: string[]) => string
}
declare module 'node:readline' {
  export const createInterface: (options: { input: unknown }) => AsyncIterable<string>
}

interface ImportMeta {
  readonly dir: string
}
