/**
 * The secrets and variables of a unit, checked before anything is built: all that is missing or wrong at once, by name,
 * and never a value.
 */
import { readSecret, readText, type Environment, type Values } from './core/environment.ts'
import { keepSecret } from './core/secrets.ts'
import type { SchemaIssue, StandardSchema } from './types/schema.ts'

/** A name, or what `wireSecret` and `wireVariable` say of one. */
export type Setting = string | {
  readonly secretId?: string
  readonly variableId?: string
  readonly schema?: StandardSchema
}

export interface SettingsOptions {
  readonly secrets?: readonly Setting[]
  readonly variables?: readonly Setting[]
}

export interface Checked {
  readonly problems: readonly string[]
  readonly values: Values
}

export interface Settings {
  /** All that are read by a constant name. */
  readonly ids: readonly string[]
  check(env: Environment): Promise<Checked>
  /** The same where nothing may go on with a problem: throws a `SettingsError`. */
  read(env: Environment): Promise<Values>
}

/** What is checked is wrong: whoever asks gets a 500 with an id, and the log has all of it. */
export class SettingsError extends Error {
  readonly problems: readonly string[]

  constructor(problems: readonly string[]) {
    super(`Not started: ${problems.join('; ')}`)
    this.name = 'SettingsError'
    this.problems = problems
  }
}

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

const pathOf = ({ path = [] }: SchemaIssue): string => path.map((part) => String(typeof part === 'object' ? part.key : part)).join('.')

const idOf = (setting: Setting): string => (typeof setting === 'string' ? setting : (setting.secretId ?? setting.variableId ?? ''))

/** A text is what it says, or else the JSON that it spells. */
const validated = async (schema: StandardSchema, text: string | undefined) => {
  const { validate } = schema['~standard']
  const first = await validate(text)
  if (!first.issues || text === undefined) return first
  const json = parse(text)
  const second = await validate(json)
  return second.issues && typeof json === 'string' ? first : second
}

const one = async (what: 'secret' | 'variable', setting: Setting, env: Environment, values: Map<string, unknown>): Promise<string | undefined> => {
  const id = idOf(setting)
  const schema = typeof setting === 'string' ? undefined : setting.schema
  const text = what === 'secret' ? await readSecret(env, id) : readText(env, id)
  if (what === 'secret' && text !== undefined) keepSecret(text)
  if (!schema) return text === undefined && what === 'secret' ? `the secret ${id} is not set` : undefined
  const result = await validated(schema, text)
  if (!result.issues) {
    values.set(id, result.value)
    return undefined
  }
  if (text === undefined) return `the ${what} ${id} is not set`
  const paths = [...new Set(result.issues.map(pathOf))].filter((path) => path !== '')
  return `the ${what} ${id} is not what its schema says${paths.length > 0 ? ` at ${paths.join(', ')}` : ''}`
}

export const settings = ({ secrets = [], variables = [] }: SettingsOptions): Settings => {
  const check = async (env: Environment): Promise<Checked> => {
    const values = new Map<string, unknown>()
    const guarded = async (what: 'secret' | 'variable', setting: Setting): Promise<string | undefined> => {
      try {
        return await one(what, setting, env, values)
      } catch {
        // whatever was thrown may say what was read
        return `the ${what} ${idOf(setting)} can't be read, or its schema fails`
      }
    }
    const found = await Promise.all([
      ...secrets.map((setting) => guarded('secret', setting)), ...variables.map((setting) => guarded('variable', setting)),
    ])
    return { problems: found.filter((problem) => problem !== undefined), values }
  }
  return {
    ids: [...secrets, ...variables].map(idOf),
    check,
    read: async (env) => {
      const { problems, values } = await check(env)
      if (problems.length > 0) throw new SettingsError(problems)
      return values
    },
  }
}
