/** A program of its own for a command line whose application is deployed: Node.js 22 or Bun, and nothing else. */
import { readFileSync } from 'node:fs'
import { programOf, type ProgramEntry } from './program.ts'
import { runRemote } from './remote.ts'
import { fail, read, type Terminal } from './terminal.ts'

type Sink = { write(text: string | Uint8Array, done: (error?: Error | null) => void): unknown; on(event: 'error', listener: () => void): void }

declare const process: {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly argv: readonly string[]
  readonly stdout: Sink
  readonly stderr: Sink
  exit(code: number): never
}

/** Who reads only the beginning, as `head` does, has what was wanted. */
const writing = (sink: Sink) => {
  sink.on('error', () => undefined)
  return (said: string | Uint8Array): Promise<unknown> => new Promise((resolve, reject) => {
    sink.write(said, (error) => (error && (error as { code?: string }).code !== 'EPIPE' ? reject(error) : resolve(undefined)))
  })
}

const terminal: Terminal = { out: writing(process.stdout), err: writing(process.stderr), typed: '' }

const tokenOf = ({ UNITGRAPH_TOKEN: token, UNITGRAPH_TOKEN_FILE: file }: typeof process.env): string | undefined =>
  token || !file ? token : readFileSync(file, 'utf8').replace(/\r?\n$/, '')

const run = async (entry: ProgramEntry): Promise<number> => {
  const program = programOf(entry)
  const parsed = await read(program, process.argv.slice(2), terminal)
  if (typeof parsed === 'number') return parsed
  if (typeof WebSocket === 'undefined') throw new Error('There is no WebSocket here: Node.js 22 and Bun have one')
  const url = parsed.remote ?? process.env['PIKKU_WS_URL'] ?? `ws://localhost:3000${program.route ?? '/'}`
  return runRemote(parsed, { url, token: tokenOf(process.env) }, terminal)
}

export const client = async (entry: ProgramEntry): Promise<never> => {
  const status = await run(entry).catch(async (error: unknown) => {
    await fail(terminal, { message: (error as Error).message, code: 'client' })
    return 1
  })
  return process.exit(status)
}
