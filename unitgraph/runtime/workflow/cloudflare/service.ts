/** The service `workflowState` on Cloudflare: each run is a Durable Object, which keeps it and executes it. */
import type { Services } from '../../core/services.ts'
import { NotImplementedError } from '../../core/errors.ts'
import { RunConflictError } from '../errors.ts'
import type { Runs } from '../runs.ts'
import { writeValue } from '../values.ts'
import { ask, RUNS, type Namespace } from './calls.ts'

/**
 * `versions`: the workflows that the unit has, each with the digest of its outline. `parents`: those of other units that
 * call them, with the binding of their runs.
 */
export const workflowState = (
  versions: Readonly<Record<string, string>>, parents: Readonly<Record<string, string>> = {},
) => (base: Services): Runs => {
  const runs = (base['bindings'] as Readonly<Record<string, Namespace | undefined>>)[RUNS]
  if (!runs) throw new Error(`The binding ${RUNS} is missing`)
  return {
    start: async (name, data, { id = crypto.randomUUID(), session, traceparent, parent, flow } = {}) => {
      const version = Object.hasOwn(versions, name) ? versions[name] : undefined
      if (version === undefined) throw new Error(`No workflow of this unit is called ${name}`)
      const started = await ask(runs, id, 'start', {
        ...flow, id, name, version, input: writeValue(data), principal: session === undefined ? null : writeValue(session),
        traceparent: traceparent ?? null, // where its end is told
        parentId: parent ? `${parents[parent.workflow] ?? RUNS} ${parent.id}` : null, parentKey: parent?.key ?? null,
      })
      if (started.is === 'conflict') throw new RunConflictError(id)
      return { runId: id }
    },
    load: (id) => ask(runs, id, 'load', id),
    list: () => Promise.reject(new NotImplementedError('Runs on Cloudflare are not listed: ask for one by its id')),
    deliver: (id, message) => ask(runs, id, 'deliver', id, message),
    cancel: (id, reason) => ask(runs, id, 'cancel', id, reason),
    resume: (id) => ask(runs, id, 'resume', id),
    fork: () => Promise.reject(new NotImplementedError('Runs on Cloudflare can\'t be forked in this version')),
  }
}
