/** One line a message: JSON for machines, text for people; never a secret. */
import type { CoreConfig, Logger, LogLevel } from '../types/services.ts'
import { redact } from './secrets.ts'

const LEVELS: readonly string[] = ['trace', 'debug', 'info', 'warn', 'error', 'silent']

const plain = (value: unknown): unknown => {
  if (!(value instanceof Error)) return value
  const { name, message, stack, cause } = value
  return { name, message, stack, ...(cause !== undefined && { cause: plain(cause) }) }
}

const asFields = (fields: unknown): object | undefined => {
  if (fields instanceof Error) return { error: plain(fields) }
  return typeof fields === 'object' ? (fields ?? undefined) : fields === undefined ? undefined : { fields }
}

const stringify = (value: unknown): string => {
  try {
    return JSON.stringify(value, (_key, item: unknown) => (typeof item === 'bigint' ? String(item) : plain(item)))
  } catch {
    return JSON.stringify({ message: String(value), note: 'fields are circular' })
  }
}

export interface LoggerOptions {
  level?: LogLevel | undefined
  format?: CoreConfig['logFormat']
  write?: (line: string, level: string) => void
  fields?: Record<string, unknown>
}

const toConsole = (line: string, level: string): void => (level === 'error' ? console.error(line) : console.log(line))

export const createLogger = (options: LoggerOptions = {}): Required<Logger> => {
  const { level = 'info', format = 'json', write = toConsole, fields: bound } = options
  const least = LEVELS.indexOf(level)
  const log = (name: string) => (message: unknown, fields?: unknown) => {
    if (LEVELS.indexOf(name) < least) return
    const isError = message instanceof Error
    const record: Record<string, unknown> = {
      time: new Date().toISOString(),
      level: name,
      msg: isError ? message.message : typeof message === 'string' ? message : stringify(message),
      ...bound,
      ...(isError && { error: plain(message) }),
      ...asFields(fields),
    }
    write(redact(format === 'pretty' ? pretty(record) : stringify(record)), name)
  }
  return {
    trace: log('trace'), debug: log('debug'), info: log('info'), warn: log('warn'), error: log('error'),
    child: (fields) => createLogger({ ...options, fields: { ...bound, ...fields } }),
  }
}

const pretty = ({ time, level, msg, error, ...fields }: Record<string, unknown>): string => {
  const text = (value: unknown): string => (typeof value === 'string' ? value : stringify(value))
  const rest = Object.entries(fields).map(([key, value]) => ` ${key}=${text(value)}`).join('')
  const stack = (error as Error | undefined)?.stack
  const head = `${String(time).slice(11, 23)} ${String(level).toUpperCase().padEnd(5)} ${msg}`
  return `${head}${rest}${stack ? `\n${stack}` : ''}`
}
