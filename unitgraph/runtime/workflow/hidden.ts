/** Fields that a schema marks as secret, and values as people see them, without those. Pure. */
import { unpack } from '../core/json.ts'

/** Where in a value a field is: keys from the outside in. `*` is any one key or index, `**` any number of them. */
export type Path = readonly string[]

/** Of a function. */
export interface Hidden {
  readonly input?: readonly Path[]
  readonly output?: readonly Path[]
}

const without = (value: unknown, path: Path): unknown => {
  const [key, ...rest] = path
  if (value === undefined || value === null) return value
  if (key === undefined) return '[secret]'
  const here = key === '**' ? without(value, rest) : value
  if (typeof here !== 'object' || here === null) return here
  const isMeant = (name: string): boolean => key === name || key === '*' || key === '**'
  const inner = (name: string, item: unknown): unknown => (isMeant(name) ? without(item, key === '**' ? path : rest) : item)
  if (Array.isArray(here)) return here.map((item, index) => inner(String(index), item))
  if (here instanceof Map) return new Map([...here].map(([name, item]) => [name, inner(String(name), item)]))
  if (here instanceof Set) return new Set([...here].map((item) => inner('*', item)))
  if (Object.getPrototypeOf(here) !== Object.prototype) return here
  return Object.fromEntries(Object.entries(here).map(([name, item]) => [name, inner(name, item)]))
}

/** A value that a store holds, as people may see it. */
export const showValue = (text: string | null): unknown => {
  if (text === null) return undefined
  const { v, hidden = [] } = unpack(text) as { v?: unknown; hidden?: readonly Path[] }
  return hidden.reduce(without, v)
}
