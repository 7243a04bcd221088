/** One line a message: JSON for machines, text for people; never a secret. */
import type { CoreConfig, Logger, LogLevel } from '../types/services.ts'
import { redact } from './secrets.ts'

const LEVELS: readonly string[] = ['trace', 'debug', 'info', 'warn', 'error', 'silent']

const plain = (value: unknown): unknown => {
  if (!(value instanceof Error)) return value
  const { name, message, stack, cause } = value
  return { name, message, stack, cause: plain(cause) }
}

const asFields = (fields: unknown): object | undefined => {
  if (fields instanceof Error) return { error: plain(fields) }
  return typeof fields === 'object' ? (fields ?? undefined) : fields === undefined ? undefined : { fields }
}

let second = 0
let upTo = ''

/** As `toISOString` has it, of which all but the milliseconds is the same for a while. */
const now = (): string => {
  const ms = Date.now()
  const rest = ms % 1000
  if (ms - rest !== second) {
    second = ms - rest
    upTo = new Date(second).toISOString().slice(0, 20)
  }
  return `${upTo}${String(rest).padStart(3, '0')}Z`
}

/** Whether JSON says of each of its values what we would. */
const isPlain = (record: object): boolean => {
  for (const key in record) {
    const value = (record as Record<string, unknown>)[key]
    if (typeof value === 'bigint' || (typeof value === 'object' && value !== null)) return false
  }
  return true
}

const stringify = (value: unknown): string => {
  try {
    // a function that looks at every value costs more than all the rest
    if (typeof value === 'object' && isPlain(value ?? {})) return JSON.stringify(value)
    return JSON.stringify(value, (_key, item: unknown) => (typeof item === 'bigint' ? String(item) : plain(item)))
  } catch {
    return JSON.stringify({ message: String(value), note: 'fields are circular' })
  }
}

export interface LoggerOptions {
  level?: LogLevel | undefined
  format?: CoreConfig['logFormat']
  write?: Write | undefined
  fields?: Record<string, unknown>
}

export type Write = (line: string, level: string) => void

/** Stands for each level that isn't written: who would say a lot may ask first whether anybody listens. */
const unheard = (): void => undefined

export const isHeard = (logger: Logger, level: 'debug' | 'info'): boolean => logger[level] !== unheard

const toConsole = (line: string, level: string): void => (level === 'error' ? console.error(line) : console.log(line))

export const createLogger = (options: LoggerOptions = {}): Required<Logger> => {
  const { level = 'info', format = 'json', write = toConsole, fields: bound } = options
  const least = LEVELS.indexOf(level)
  const log = (name: string) => LEVELS.indexOf(name) < least ? unheard : (message: unknown, fields?: unknown) => {
    const isError = message instanceof Error
    const record: Record<string, unknown> = {
      time: now(),
      level: name,
      msg: isError ? message.message : typeof message === 'string' ? message : stringify(message),
      ...bound,
      ...(isError && { error: plain(message) }),
      ...asFields(fields),
    }
    write(redact(format === 'pretty' ? pretty(record) : stringify(record)), name)
  }
  const logger = {
    trace: log('trace'), debug: log('debug'), info: log('info'), warn: log('warn'), error: log('error'),
    child: (fields: Record<string, unknown>) => createLogger({ ...options, fields: { ...bound, ...fields } }),
  }
  ours.add(logger)
  return logger
}

const ours = /* @__PURE__ */ new WeakSet<Logger>()

/** A child of a logger of ours that is made when it has something to write; there is one a call. */
class Child implements Required<Logger> {
  made: Required<Logger> | undefined
  readonly of: Logger
  readonly fields: () => Record<string, unknown>
  constructor(of: Logger, fields: () => Record<string, unknown>) {
    this.of = of
    this.fields = fields
  }
  get self(): Required<Logger> {
    return (this.made ??= (this.of as Required<Logger>).child(this.fields()) as Required<Logger>)
  }
  get trace() { return this.self.trace }
  get debug() { return this.self.debug }
  get info() { return this.self.info }
  get warn() { return this.self.warn }
  get error() { return this.self.error }
  get child() { return this.self.child }
}

export const childLater = (logger: Logger, fields: () => Record<string, unknown>): Logger | undefined =>
  ours.has(logger) ? new Child(logger, fields) : undefined

const pretty = ({ time, level, msg, error, ...fields }: Record<string, unknown>): string => {
  const text = (value: unknown): string => (typeof value === 'string' ? value : stringify(value))
  const rest = Object.entries(fields).map(([key, value]) => ` ${key}=${text(value)}`).join('')
  const stack = (error as Error | undefined)?.stack
  const head = `${String(time).slice(11, 23)} ${String(level).toUpperCase().padEnd(5)} ${msg}`
  return `${head}${rest}${stack ? `\n${stack}` : ''}`
}
