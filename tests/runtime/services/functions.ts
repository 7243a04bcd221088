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
