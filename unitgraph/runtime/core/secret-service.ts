/** Secrets by id, from the environment: each that is read is kept out of the log and of answers from then on. */
import type { SecretsService } from '../types/services.ts'
import { NO_VALUES, readSecret, type Environment, type Values } from './environment.ts'
import { MissingSecretError } from './errors.ts'
import { keepSecret } from './secrets.ts'

/** Every text in a value, however deep: each is a secret as well. */
const keepAll = (value: unknown): void => {
  if (typeof value === 'string') keepSecret(value)
  else if (typeof value === 'object' && value) for (const part of Object.values(value)) keepAll(part)
}

const parsed = (id: string, text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    // what JSON.parse says holds a piece of the text
    throw new SyntaxError(`The secret ${id} is not JSON`)
  }
}

export const createSecrets = (env: Environment, values: Values = NO_VALUES): SecretsService => {
  const getSecret = async (id: string): Promise<string> => {
    const value = await readSecret(env, id)
    if (value === undefined) throw new MissingSecretError(`The secret ${id} is not set`)
    keepSecret(value)
    return value
  }
  return {
    getSecret,
    getSecretJSON: async (id) => {
      const text = values.has(id) ? undefined : await getSecret(id)
      const value = text === undefined ? values.get(id) : parsed(id, text)
      keepAll(value)
      return value as never
    },
    hasSecret: async (id) => (await readSecret(env, id)) !== undefined,
  }
}

/** The service of that name, where a unit takes it. */
export const secrets = (env: Environment, values?: Values): { secrets: SecretsService } => ({ secrets: createSecrets(env, values) })
