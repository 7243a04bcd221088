/** The environment of the process or the worker: what stands there under a name, and variables by id. */
import type { VariablesService } from '../types/services.ts'

/** A worker's bindings are objects, everything else is text. */
export type Environment = Readonly<Record<string, unknown>>

/** What the schemas of secrets and variables made of their texts, by id. */
export type Values = ReadonlyMap<string, unknown>

export const RPC_SECRET = 'UNITGRAPH_RPC_SECRET'

export const NO_VALUES: Values = /* @__PURE__ */ new Map()

const own = (env: Environment, name: string): unknown =>
  Object.hasOwn(env, name) && name !== RPC_SECRET ? env[name] : undefined

/** The text under a name; the secret between units is nobody else's. */
export const readText = (env: Environment, name: string): string | undefined => {
  const value = own(env, name)
  return typeof value === 'string' ? value : undefined
}

/** The text of a secret, which may be kept in a store that a binding leads to. */
export const readSecret = async (env: Environment, name: string): Promise<string | undefined> => {
  const value = own(env, name)
  const stored = typeof value === 'object' ? (value as { get?: () => unknown } | null) : undefined
  const text = typeof stored?.get === 'function' ? await stored.get() : value
  return typeof text === 'string' ? text : undefined
}

export const createVariables = (env: Environment, values: Values = NO_VALUES): VariablesService => ({
  get: (id) => (values.has(id) ? values.get(id) : readText(env, id)) as never,
  getJSON: <T>(id: string) => {
    const text = readText(env, id)
    return (values.has(id) ? values.get(id) : text === undefined ? undefined : JSON.parse(text)) as T | undefined
  },
  has: (id) => readText(env, id) !== undefined,
})

/** What is not text: databases, buckets, other workers. */
export const bindingsOf = (env: Environment): Environment =>
  Object.fromEntries(Object.entries(env).filter(([, value]) => typeof value === 'object' && value !== null))
