/** Data against a Standard Schema, with the text of paths and queries turned into what the schema expects. */
import type { ErrorIssue } from '../types/errors.ts'
import type { SchemaIssue, StandardSchema } from '../types/schema.ts'
import type { Coercion } from './definition.ts'
import { BadRequestError } from './errors.ts'

type Data = Record<string, unknown>

const NO_TEXTS: ReadonlySet<string> = /* @__PURE__ */ new Set<string>()

const pathOf = (issue: SchemaIssue): (string | number)[] =>
  (issue.path ?? []).map((part) => {
    const key = typeof part === 'object' ? part.key : part
    return typeof key === 'number' ? key : String(key)
  })

export const publicIssues = (issues: readonly SchemaIssue[]): ErrorIssue[] =>
  issues.map((issue) => ({ path: pathOf(issue), message: issue.message }))

const number = (text: string): unknown => (text.trim() !== '' && Number.isFinite(Number(text)) ? Number(text) : text)
const boolean = (text: string): unknown =>
  text === 'true' || text === '1' ? true : text === 'false' || text === '0' ? false : text

const CONVERT: Record<Coercion, (text: string) => unknown> = {
  number,
  boolean,
  bigint: (text) => (/^-?\d+$/.test(text) ? BigInt(text) : text),
  date: (text) => (Number.isNaN(Date.parse(text)) ? text : new Date(text)),
  array: (text) => [text],
}

/** By the map that was derived from the function's types. Only texts change; `date` and `bigint` in a body too. */
export const coerce = (data: unknown, map: Readonly<Record<string, Coercion>>, texts: ReadonlySet<string> = NO_TEXTS): unknown => {
  if (typeof data !== 'object' || data === null || Array.isArray(data)) return data
  let result = data as Data
  for (const key in map) {
    const [kind, value] = [map[key] as Coercion, result[key]]
    if (typeof value !== 'string' || !(texts.has(key) || kind === 'date' || kind === 'bigint')) continue
    if (result === data) result = { ...data }
    result[key] = CONVERT[kind](value)
  }
  return result
}

const guess = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(guess)
  if (typeof value !== 'string') return value
  // a digit is a number here, not a boolean
  const asNumber = number(value)
  return asNumber !== value ? asNumber : boolean(value)
}

/**
 * Where a schema refuses a text that came from the path or the query, the number or boolean that it spells, then a
 * list of that, then a list of the text are tried instead. So a schema of any library, which can't be asked what it
 * expects, gets `?page=2&tag=a` as it means it, and what it takes as a text stays a text.
 */
const REPAIRS: readonly ((now: unknown, text: unknown) => unknown)[] = [
  guess,
  (now) => (Array.isArray(now) ? now : [now]),
  (now, text) => (Array.isArray(text) ? now : [text]),
]

/** The validated data; a `BadRequestError` with all issues otherwise. */
export const validate = async (schema: StandardSchema, data: unknown, texts?: ReadonlySet<string>, what?: string): Promise<unknown> => {
  const first = await schema['~standard'].validate(data)
  return first.issues ? repair(schema, data, first.issues, texts, what) : first.value
}

/** What else the data could have been meant as, after the schema has refused it. */
export const repair = async (
  schema: StandardSchema, data: unknown, first: readonly SchemaIssue[], texts: ReadonlySet<string> = NO_TEXTS, what = 'input',
): Promise<unknown> => {
  const run = schema['~standard'].validate
  // over HTTP nothing is an empty object, which a function without input refuses
  if (typeof data === 'object' && data && Object.keys(data).length === 0) {
    const nothing = await run(undefined)
    if (!nothing.issues) return nothing.value
  }
  let issues = first
  let candidate = data as Data
  for (const repair of REPAIRS) {
    const names = new Set(issues.map((issue) => String(pathOf(issue)[0])).filter((name) => texts.has(name)))
    if (names.size === 0) break
    candidate = { ...candidate }
    for (const name of names) candidate[name] = repair(candidate[name], (data as Data)[name])
    const result = await run(candidate)
    if (!result.issues) return result.value
    issues = result.issues
  }
  throw new BadRequestError(`The ${what} is not valid`, { issues: publicIssues(first) })
}

export const checks = { coerce, repair }
