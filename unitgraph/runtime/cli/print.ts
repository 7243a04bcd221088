/** A command's result for a terminal, where nobody renders it. Pure. */

const isPlain = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && [Object.prototype, null].includes(Object.getPrototypeOf(value) as null)

export const json = (value: unknown): string =>
  JSON.stringify(value ?? null, (_key, part: unknown) => (typeof part === 'bigint' ? String(part)
    : part instanceof Map ? Object.fromEntries(part) : part instanceof Set ? [...part] : part), 2)

/** What somebody stored must not move the cursor of who reads it. */
const harmless = (text: string): string =>
  text.replace(/[\u0000-\u001f\u007f-\u009f]/g, (found) => JSON.stringify(found).slice(1, -1).replace(/^[\u007f-\u009f]$/, '?'))

const cell = (value: unknown): string =>
  value === undefined || value === null ? '' : value instanceof Date ? value.toISOString()
    : harmless(typeof value === 'object' ? JSON.stringify(JSON.parse(json(value))) : String(value))

const table = (found: readonly Readonly<Record<string, unknown>>[]): string => {
  const names = [...new Set(found.flatMap((row) => Object.keys(row)))]
  const lines = [names.map(harmless), ...found.map((row) => names.map((name) => cell(row[name])))]
  const widths = names.map((_, at) => Math.max(...lines.map((line) => line[at]?.length ?? 0)))
  return lines.map((line) => line.map((text, at) => text.padEnd(widths[at] ?? 0)).join('  ').trimEnd()).join('\n')
}

/** A text as it is, an object a line a property, a list of objects as a table; nothing for nothing. */
export const text = (value: unknown): string | undefined => {
  if (value === undefined || value === null) return undefined
  if (typeof value === 'string') return value
  if (Array.isArray(value)) return value.length > 0 && value.every(isPlain) ? table(value) : value.length > 0 ? value.map(cell).join('\n') : undefined
  if (!isPlain(value)) return cell(value)
  const names = Object.keys(value)
  const width = Math.max(0, ...names.map((name) => harmless(name).length))
  return names.map((name) => `${harmless(name).padEnd(width)}  ${cell(value[name])}`.trimEnd()).join('\n')
}
