/** Names and values from a path, a query and a body, merged into one object that functions get as data. */
import { BadRequestError } from '../core/errors.ts'
import { refuseKey } from '../core/json.ts'

export type Fields = Record<string, unknown>

/** A name that is given more than once holds a list. */
export const collect = (entries: Iterable<[string, unknown]>): Fields => {
  const fields: Fields = {}
  for (const [name, value] of entries) {
    refuseKey(name)
    const before = fields[name]
    if (!Object.hasOwn(fields, name)) fields[name] = value
    else if (Array.isArray(before)) before.push(value)
    else fields[name] = [before, value]
  }
  return fields
}

export const queryOf = ({ url }: Request): Fields => (url.includes('?') ? collect(new URL(url).searchParams) : {})

const same = (a: unknown, b: unknown): boolean =>
  Array.isArray(a) && Array.isArray(b)
    ? a.length === b.length && a.every((item, index) => same(item, b[index]))
    : typeof a === 'object' || typeof b === 'object' ? false : String(a) === String(b)

/** Into `data`, which nobody else has. What is there already wins, then later ones, in their own type; a name with two different values is nobody's intention. */
export const merge = (sources: readonly Fields[], data: Fields = {}): Fields => {
  for (let at = sources.length - 1; at >= 0; at--) {
    const source = sources[at]!
    for (const name of Object.keys(source)) {
      const value = source[name]
      refuseKey(name, value)
      if (!Object.hasOwn(data, name)) data[name] = value
      else if (!same(data[name], value)) throw new BadRequestError(`${name} is given twice, with different values`)
    }
  }
  return data
}
