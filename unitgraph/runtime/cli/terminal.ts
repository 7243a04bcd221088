/** What a command comes to on a terminal: its results, its failures, wrong lines and help. Writes what it is given to. */
import type { ErrorReport } from '../core/errors.ts'
import { help } from './help.ts'
import { parse, type Parsed } from './parse.ts'
import { json, text } from './print.ts'
import type { Command } from './program.ts'

type Write = (said: string | Uint8Array<ArrayBuffer>) => Promise<unknown>

/** Standard output is the command's alone: everything else goes to standard error. */
export interface Terminal {
  readonly out: Write
  readonly err: Write
  /** What is typed before a program's name. */
  readonly typed: string
}

/** As a shell says which signal ended a process. */
export const SIGNALS = { SIGINT: 130, SIGTERM: 143 } as const

export interface Failure extends Pick<ErrorReport, 'message' | 'code' | 'issues'> {
  /** Where the message doesn't say what it was. */
  readonly requestId?: string
}

/** A result as nobody else renders it; `isJson`: one document. */
export const show = async ({ out }: Terminal, result: unknown, isJson: boolean): Promise<void> => {
  if (isJson) await out(`${json(result)}\n`)
  else if (result instanceof Uint8Array) await out(Uint8Array.from(result))
  else {
    const shown = text(result)
    if (shown !== undefined) await out(shown.endsWith('\n') ? shown : `${shown}\n`)
  }
}

export const fail = async ({ err }: Terminal, { message, code, issues = [], requestId }: Failure): Promise<void> => {
  const lines = issues.map(({ path, message: said }) => `  ${path.join('.') || 'input'}: ${said}\n`)
  await err(`error: ${message} [${code}]${requestId ? ` (${requestId})` : ''}\n${lines.join('')}`)
}

/** What is to be run; else the status that the process ends with, help or the mistake being said. */
export const read = async (
  program: Command, args: readonly string[], { out, err, typed }: Terminal,
): Promise<Extract<Parsed, { kind: 'run' }> | number> => {
  const parsed = parse(program, args)
  if (parsed.kind === 'run') return parsed
  const said = help(parsed.command, typed)
  await (parsed.kind === 'help' ? out(said) : err(`error: ${parsed.message}\n\n${said}`))
  return parsed.kind === 'help' ? 0 : 2
}
