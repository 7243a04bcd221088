/** The little of Node.js that a command line's client uses; Bun has it, too. */
interface Incoming {
  readonly statusCode?: number
  setEncoding(encoding: 'utf8'): void
  on(event: 'data', listener: (part: string) => void): void
  on(event: 'end', listener: () => void): void
}

interface Outgoing {
  on(event: 'response', listener: (response: Incoming) => void): void
  on(event: 'error', listener: (error: Error) => void): void
  on(event: 'upgrade' | 'timeout', listener: () => void): void
  end(): void
  destroy(): void
}

type Ask = (url: string, options: { headers: Readonly<Record<string, string>>; timeout: number }) => Outgoing

declare module 'node:http' {
  export const request: Ask
}
declare module 'node:https' {
  export const request: Ask
}
