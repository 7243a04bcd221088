/** Variables and secrets by id, from the environment of the process or the worker. */
import type { SecretsService, VariablesService } from '../types/services.ts'
import { MissingSecretError } from './errors.ts'
import { keepSecret } from './logger.ts'

/** A worker's bindings are objects, everything else is text. */
export type Environment = Readonly<Record<string, unknown>>

export const RPC_SECRET = 'UNITGRAPH_RPC_SECRET'

/** The text under a name; the secret between units is nobody else's. */
export const readText = (env: Environment, name: string): string | undefined => {
  const value = Object.hasOwn(env, name) && name !== RPC_SECRET ? env[name] : undefined
  return typeof value === 'string' ? value : undefined
}

export const createVariables = (env: Environment): VariablesService => ({
  get: (id) => readText(env, id) as never,
  getJSON: <T>(id: string) => {
    const text = readText(env, id)
    return (text === undefined ? undefined : JSON.parse(text)) as T | undefined
  },
  has: (id) => readText(env, id) !== undefined,
})

export const createSecrets = (env: Environment): SecretsService => {
  const getSecret = async (id: string): Promise<string> => {
    const value = readText(env, id)
    if (value === undefined) throw new MissingSecretError(`The secret ${id} is not set`)
    keepSecret(value)
    return value
  }
  return {
    getSecret,
    getSecretJSON: async (id) => {
      const value: unknown = JSON.parse(await getSecret(id))
      if (typeof value === 'object' && value) {
        for (const part of Object.values(value)) if (typeof part === 'string') keepSecret(part)
      }
      return value as never
    },
    hasSecret: async (id) => readText(env, id) !== undefined,
  }
}

/** What is not text: databases, buckets, other workers. */
export const bindingsOf = (env: Environment): Environment =>
  Object.fromEntries(Object.entries(env).filter(([, value]) => typeof value === 'object' && value !== null))
