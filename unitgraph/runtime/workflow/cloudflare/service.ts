/** The service `workflowState` on Cloudflare: each run is a Durable Object, which keeps it and executes it. */
import type { Services } from '../../core/services.ts'
import { RunConflictError } from '../errors.ts'
import type { Runs } from '../runs.ts'
import { writeValue } from '../values.ts'
import type { Head } from '../run.ts'
import { ask, call, callObject, RUNS, type Namespace } from './calls.ts'
import { listOf } from './listing.ts'

export interface RunsInObjects extends Runs {
  /** The workflows there are, each with the digest of its outline. */
  readonly versions: Readonly<Record<string, string>>
  /** Has objects, by the ids that Cloudflare gives them, tell the list of their workflow what they are; how many had to. */
  retell(objects: readonly string[]): Promise<number>
}

/** Undefined for an object of another unit. */
const objectOf = (runs: Namespace, id: string): unknown => {
  try {
    return runs.idFromString(id)
  } catch {
    return undefined
  }
}

const newestFirst = (a: Head, b: Head): number => b.createdAt - a.createdAt || (a.id < b.id ? 1 : -1)

/**
 * `versions`: the workflows that the unit has, each with the digest of its outline. `parents`: those of other units that
 * call them, with the binding of their runs.
 */
export const workflowState = (
  versions: Readonly<Record<string, string>>, parents: Readonly<Record<string, string>> = {},
) => (base: Services): RunsInObjects => {
  const runs = (base['bindings'] as Readonly<Record<string, Namespace | undefined>>)[RUNS]
  if (!runs) throw new Error(`The binding ${RUNS} is missing`)
  return {
    start: async (name, data, { id = crypto.randomUUID(), session, traceparent, parent, flow, hidden } = {}) => {
      const version = Object.hasOwn(versions, name) ? versions[name] : undefined
      if (version === undefined) throw new Error(`No workflow of this unit is called ${name}`)
      const started = await ask(runs, id, 'start', {
        ...flow, id, name, version, input: writeValue(data, hidden), principal: session === undefined ? null : writeValue(session),
        traceparent: traceparent ?? null, // where its end is told
        parentId: parent ? `${parents[parent.workflow] ?? RUNS} ${parent.id}` : null, parentKey: parent?.key ?? null,
      })
      if (started.is === 'conflict') throw new RunConflictError(id)
      return { runId: id }
    },
    load: (id) => ask(runs, id, 'load', id),
    list: async (filter) => {
      const names = Object.keys(versions).filter((name) => filter.name === undefined || name === filter.name)
      const lists = await Promise.all(names.map((name) => call(runs, listOf(name), 'listed', filter) as Promise<Head[]>))
      return lists.flat().sort(newestFirst).slice(0, filter.limit)
    },
    deliver: (id, message) => ask(runs, id, 'deliver', id, message),
    cancel: (id, reason) => ask(runs, id, 'cancel', id, reason),
    resume: (id) => ask(runs, id, 'resume', id),
    fork: async (id, as, throughSeq) => {
      const source = await ask(runs, id, 'load', id)
      return source && (await call(runs, as, 'adopt', source, as, throughSeq)) as Head | undefined
    },
    versions,
    retell: async (objects) => {
      const told = await Promise.all(objects.map(async (id) => {
        const object = objectOf(runs, id)
        return object && callObject(runs.get(object), id, 'retell')
      }))
      return told.filter(Boolean).length
    },
  }
}
