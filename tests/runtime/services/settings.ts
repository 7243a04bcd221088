/** What the unit `tell` must be given. Hand-made schemas: a project needs no library for them. */
import { defineVariable, wireSecret } from '#pikku'
import type { StandardSchema } from '#pikku'

const schema = <Output>(read: (value: unknown) => Output | undefined): StandardSchema<unknown, Output> => ({
  '~standard': {
    version: 1, vendor: 'tests',
    validate: (value) => {
      const found = read(value)
      return found === undefined ? { issues: [{ message: `${value} is wrong`, path: ['here'] }] } : { value: found }
    },
  },
})

export const Credentials = schema((value) => {
  const { key } = (value ?? {}) as { key?: unknown }
  return typeof key === 'string' ? { key, length: key.length } : undefined
})

wireSecret({ name: 'credentials', secretId: 'CREDENTIALS', schema: Credentials })

wireSecret({ name: 'plain', secretId: 'PLAIN_SECRET' })

export const limit = defineVariable({
  name: 'limit', variableId: 'LIMIT', schema: schema((value) => (typeof value === 'number' && value > 0 ? value : undefined)),
})
