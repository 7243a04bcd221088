/** The process or isolate: what a project gives to all its units. */
import { readText, type Environment } from './environment.ts'
import { validate } from './validate.ts'
import { buildServices, once, type ServicesOptions, type WireServicesFactory } from './services.ts'
import type { Host } from './unit.ts'
import type { StandardSchema } from '../types/schema.ts'

/** A name, or what `wireSecret` and `wireVariable` say of one. */
export type Required = string | {
  readonly secretId?: string
  readonly variableId?: string
  readonly schema?: StandardSchema
}

export interface ProjectOptions extends ServicesOptions {
  readonly project: string
  readonly release?: string | undefined
  readonly wireServices?: WireServicesFactory | undefined
  readonly secrets?: readonly Required[]
  readonly variables?: readonly Required[]
}

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

const problem = async (env: Environment, what: string, needed: Required): Promise<string | undefined> => {
  const { secretId, variableId, schema } = typeof needed === 'string' ? { secretId: needed } : needed
  const id = secretId ?? variableId ?? ''
  const text = readText(env, id)
  if (text === undefined) {
    const isOptional = schema ? await accepts(schema, undefined) : what === 'variable'
    return isOptional ? undefined : `the ${what} ${id} is not set`
  }
  if (!schema || (await accepts(schema, text)) || (await accepts(schema, parse(text)))) return undefined
  return `the ${what} ${id} is not what its schema says`
}

const accepts = (schema: StandardSchema, value: unknown): Promise<boolean> =>
  validate(schema, value).then(() => true, () => false)

/** Everything in the environment that is missing or wrong, at once. Never a value. */
export const checkEnvironment = async (options: ProjectOptions, env: Environment): Promise<string[]> => {
  const checks = [
    ...(options.secrets ?? []).map((needed) => problem(env, 'secret', needed)),
    ...(options.variables ?? []).map((needed) => problem(env, 'variable', needed)),
  ]
  return (await Promise.all(checks)).filter((found) => found !== undefined)
}

export const createHost = (options: ProjectOptions, env: Environment, more: Pick<Host, 'find' | 'isFirst'> = {}): Host => ({
  project: options.project,
  release: options.release ?? readText(env, 'UNITGRAPH_RELEASE'),
  env,
  development: (readText(env, 'UNITGRAPH_ENV') ?? readText(env, 'NODE_ENV')) === 'development',
  wireServices: options.wireServices,
  services: once(() => buildServices(options, env)),
  ...more,
})
