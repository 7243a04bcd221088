/** The little of Node's modules that this folder uses besides what the server does. */
declare module 'node:fs' {
  export const existsSync: (path: string) => boolean
}
declare module 'node:readline' {
  export const createInterface: (options: { input: unknown }) => AsyncIterable<string>
}
