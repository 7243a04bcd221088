/** Values and errors as the texts that a journal holds. What is read back is what the workflow sees, live or replayed. */
import { rebuildError, reportError, type ErrorReport } from '../core/errors.ts'
import { pack, unpack } from '../core/json.ts'
import type { Path } from './hidden.ts'

/** Throws for what no text can hold. `undefined` stays what it is. The text says which of its fields people don't see. */
export const writeValue = (value: unknown, hidden: readonly Path[] = []): string =>
  pack({ v: value, ...(hidden.length > 0 && { hidden }) })

export const readValue = (text: string | null): unknown =>
  text === null ? undefined : (unpack(text) as { v?: unknown }).v

interface Written {
  readonly name: string
  readonly message: string
  readonly report?: ErrorReport
}

/** A stored error says what the thrown one said: a store is no caller. */
export const writeError = (thrown: unknown): string => {
  const error = thrown instanceof Error ? thrown : new Error(String(thrown))
  const report = reportError(error)
  return pack({ name: error.name, message: error.message, ...(!report.unknown && { report }) } satisfies Written)
}

export const readError = (text: string): Error => {
  const { name, message, report } = unpack(text) as Written
  if (report) return rebuildError(report)
  const error = new Error(message)
  Object.defineProperty(error, 'name', { value: name, configurable: true, writable: true, enumerable: false })
  return error
}
