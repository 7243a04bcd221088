/** One command in place of a server: reads the arguments, calls its function, prints, and says how the process ends. */
import { channelWire } from '../channel/wire.ts'
import { helpOfAll } from '../cli/help.ts'
import { meant, type Parsed } from '../cli/parse.ts'
import { programOf, type Command, type ProgramEntry } from '../cli/program.ts'
import { runRemote } from '../cli/remote.ts'
import { fail, read, show, SIGNALS, type Terminal } from '../cli/terminal.ts'
import type { Call } from '../core/call.ts'
import { createWire } from '../core/call.ts'
import { readText, type Environment } from '../core/environment.ts'
import { NotFoundError, reportError } from '../core/errors.ts'
import { logFailure } from '../core/failure.ts'
import { invoke } from '../core/invoke.ts'
import { createLogger } from '../core/logger.ts'
import { keepSecret } from '../core/secrets.ts'
import { servicesOfCall } from '../core/services.ts'
import { Session } from '../core/session.ts'
import { readTrace } from '../core/trace.ts'
import type { Unit } from '../core/unit.ts'
import type { Logger, LogLevel } from '../types/services.ts'
import { withFiles } from './sources.ts'
import type { Units } from './units.ts'

export const TOKEN = 'UNITGRAPH_TOKEN'

export interface Place {
  readonly units: Units
  readonly env: Environment
  readonly logger: Logger
  /** The process doesn't end before this has. */
  run<T>(work: Promise<T>): Promise<T>
}

export interface Asked {
  /** Standard output is the command's alone: what is logged goes to standard error. */
  logger(env: Environment): ReturnType<typeof createLogger>
  /** Calls the function; gives the status that the process ends with. */
  run(place: Place): Promise<number>
}

declare const process: {
  readonly env: Environment
  exit(code: number): never
  on(event: string, listener: () => void): void
}
declare const Bun: { readonly stdout: unknown; readonly stderr: unknown; write(file: unknown, data: string | Uint8Array<ArrayBuffer>): Promise<unknown> }

/** Who reads only the beginning, as `head` does, has what was wanted. */
const out = (said: string | Uint8Array<ArrayBuffer>): Promise<unknown> =>
  Bun.write(Bun.stdout, said).catch((error: unknown) => {
    if ((error as { code?: string }).code !== 'EPIPE') throw error
  })
const err = (said: string | Uint8Array<ArrayBuffer>): Promise<unknown> => Bun.write(Bun.stderr, said)

const terminal: Terminal = { out, err, typed: 'cli ' }

/** A command's own renderer has the application's services. */
const render = async (unit: Unit, command: Command, call: Call, result: unknown, isJson: boolean): Promise<void> => {
  const given = result instanceof Response ? await result.text() : result
  if (isJson || !command.render) return show(terminal, given, isJson)
  const services = servicesOfCall(await unit.host.services(), call)
  await command.render(services as never, given as never, createWire(unit, call, command.function ?? ''))
}

const failed = async (unit: Unit | undefined, call: Call, error: unknown): Promise<void> => {
  const report = reportError(error)
  if (unit) await logFailure(unit, call, error, report)
  await fail(terminal, { ...report, ...(report.unknown && { requestId: call.requestId }) })
}

const runCommand = async ({ command, data, texts, isJson }: Extract<Parsed, { kind: 'run' }>, { units, env, logger, run }: Place): Promise<number> => {
  const ending = new AbortController()
  let status = 0
  for (const [signal, code] of Object.entries(SIGNALS)) {
    process.on(signal, () => {
      // whoever asks twice doesn't wait any longer
      if (status) process.exit(code)
      status = code
      ending.abort(new DOMException(`Ended by ${signal}`, 'AbortError'))
    })
  }
  const token = readText(env, TOKEN)
  if (token) keepSecret(token)
  const call: Call = {
    ...readTrace(new Headers()), transport: 'cli', session: new Session(), depth: 0, signal: ending.signal,
    fields: { command: command.path.join(' ') },
    cli: { program: command.path[0] ?? '', command: command.path.slice(1), ...(token && { authorization: `Bearer ${token}` }) },
    waitUntil: (work) => void run(work).catch((error: unknown) => logger.error(error, { requestId: call.requestId })),
  }
  const id = command.function ?? ''
  let sent: Promise<unknown> = Promise.resolve()
  let unit: Unit | undefined
  try {
    unit = await units.withFunction(id)
    const definition = unit?.functions.get(id)
    if (!unit || !definition || definition.internal) throw new NotFoundError(`${id} is not reached through a command line`)
    const { middleware, tags } = command
    const home = unit
    // what the function sends is shown as what it returns is, and before it
    const channel = channelWire({ channelId: 'cli', openingData: undefined }, (method, [value]) => {
      if (method === 'send') sent = sent.then(() => render(home, command, call, value, isJson))
      return sent.then(() => undefined)
    })
    const result = await invoke(unit, definition, { ...call, channel }, async () => ({ data, texts: new Set(texts) }), { middleware, tags })
    await sent
    await render(unit, command, call, result, isJson)
    return status
  } catch (error) {
    if (status && error === ending.signal.reason) await err(`${ending.signal.reason.message}\n`)
    else await failed(unit, call, error)
    return status || 1
  }
}

/** Elsewhere nothing of this process is needed: neither its services nor its secrets. */
const remotely = async (parsed: Extract<Parsed, { kind: 'run' }>, url: string): Promise<number> => {
  const problems: string[] = []
  const token = readText(withFiles(process.env, [], problems), TOKEN)
  if (problems.length === 0) return runRemote(parsed, { url, token }, terminal)
  await err(problems.map((problem) => `error: ${problem}\n`).join(''))
  return 1
}

/** Which of the programs is meant, and what of it; a wrong line and a request for help end the process. */
export const commandLine = (load: () => Promise<{ default: readonly ProgramEntry[] }>) => async (args: readonly string[]): Promise<Asked> => {
  const end = async (print: typeof out, said: string, status: number): Promise<never> => {
    await print(said)
    return process.exit(status)
  }
  const programs = (await load()).default.map(programOf)
  const [name, ...rest] = args
  if (name === undefined || name === '--help' || name === '-h') return end(name ? out : err, helpOfAll(programs), name ? 0 : 2)
  const program = programs.find(({ path }) => path[0] === name)
  if (!program) {
    const near = meant(name, programs.map(({ path }) => path[0] ?? ''))
    return end(err, `error: There is no program ${name}${near}\n\n${helpOfAll(programs)}`, 2)
  }
  const parsed = await read(program, rest, terminal)
  if (typeof parsed === 'number') return process.exit(parsed)
  if (parsed.remote !== undefined) return process.exit(await remotely(parsed, parsed.remote))
  return {
    logger: (env) => createLogger({
      level: (readText(env, 'LOG_LEVEL') ?? 'warn') as LogLevel, format: readText(env, 'LOG_FORMAT') === 'json' ? 'json' : 'pretty',
      write: (line) => console.error(line),
    }),
    run: (place) => runCommand(parsed, place),
  }
}
