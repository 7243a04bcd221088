/** The conformance of each service, run by a unit of its own in whichever place it is deployed. */
import { pikkuSessionlessFunc } from '#pikku'
import { report } from './check.js'
import { kvCases } from './kv.cases.js'
import { signedCases, storageCases, unsignedCases } from './storage.cases.js'

export const runKv = pikkuSessionlessFunc<void, Record<string, string>>(async ({ kv }) => report(kvCases, kv))

export const runStorage = pikkuSessionlessFunc<void, Record<string, string>>(async ({ storage }) => report(storageCases, storage))

export const runSigned = pikkuSessionlessFunc<void, Record<string, string>>(async ({ storage }) => report(signedCases, storage))

export const runUnsigned = pikkuSessionlessFunc<void, Record<string, string>>(async ({ storage }) => report(unsignedCases, storage))

/** Takes no service that has a place of its own. */
export const plain = pikkuSessionlessFunc<void, { ok: boolean }>(async ({ logger }) => {
  logger.debug('plain')
  return { ok: true }
})

/** What it read, and the secret in its log. */
export const tell = pikkuSessionlessFunc<void, { length: number; limit: number; plain: number }>(async ({ secrets, variables, logger }) => {
  const { key, length } = await secrets.getSecretJSON('CREDENTIALS') as { key: string; length: number }
  const plain = await secrets.getSecret('PLAIN_SECRET')
  logger.info(`told ${key}`, { plain, basic: btoa(`user:${plain}`), error: new Error('with', { cause: new Error(plain) }) })
  return { length, limit: Number(variables.get('LIMIT')), plain: plain.length }
})
