/**
 * Runs in Durable Objects as one store, to compare with others: each object is let go after each call, so that what it is
 * comes from its storage every time. Which runs a claim may have is the oracle's word; each object's is whether it gives.
 */
import { ask, call, RUNS } from '../../../unitgraph/runtime/workflow/cloudflare/calls.ts'
import { WorkflowRun } from '../../../unitgraph/runtime/workflow/cloudflare/object.ts'
import { workflowState } from '../../../unitgraph/runtime/workflow/cloudflare/service.ts'
import { createMemoryStore } from '../../../unitgraph/runtime/workflow/memory.ts'
import type { Head, Run } from '../../../unitgraph/runtime/workflow/run.ts'
import type { Appended, Claimed, Renewed, Store } from '../../../unitgraph/runtime/workflow/store.ts'
import { createObjects } from './durable.ts'

declare const setImmediate: (call: () => void) => unknown

export const inObjects = (now: () => number): Store => {
  const later = (_ms: number, run: () => void): (() => void) => {
    setImmediate(run)
    return () => undefined
  }
  const place = createObjects(
    { now, later, fly: (work) => work, random: () => 0.99, fault: () => undefined },
    (state, _life, namespace) => new WorkflowRun(state as never, { [RUNS]: namespace } as never, { now, after: later, random: () => 0, turn: async () => undefined }),
    {}, false,
  )
  const runs = place.namespace as never
  const service = workflowState({ x: '1', y: '1' })({ bindings: { [RUNS]: runs } } as never)
  const letGo = async <T>(answer: Promise<T>): Promise<T> => {
    try {
      return await answer
    } finally {
      for (const life of place.alive.values()) life.die()
    }
  }
  const asked = <T>(id: string, name: string, ...given: readonly unknown[]): Promise<T> => letGo(call(runs, id, name, ...given) as Promise<T>)
  const all = async (): Promise<Run[]> => {
    const found = await Promise.all([...place.kept].filter(([, { values }]) => values.has('run')).map(([id]) => ask(runs, id, 'load', id)))
    return found.filter((run) => run !== undefined)
  }
  const oracle = async (): Promise<Store> => createMemoryStore(now, await letGo(all()))

  return {
    start: (run, lease) => asked(run.id, 'start', run, lease),
    claim: async (given) => {
      const expected = await (await oracle()).claim(given)
      const claimed: Claimed[] = []
      for (const { head } of expected.runs) claimed.push(await asked(head.id, 'claim', { ...given, count: 1 }))
      return { ...expected, runs: claimed.flatMap((one) => one.runs) }
    },
    append: (given) => asked<Appended>(given.id, 'append', given),
    isHeld: (id, epoch) => asked(id, 'isHeld', id, epoch),
    note: (id, ...given) => asked(id, 'note', id, ...given),
    renew: async (lease, ids) => {
      const renewed: Renewed[] = []
      for (const id of ids) renewed.push(await asked(id, 'renew', lease, [id]))
      return { now: now(), lost: renewed.flatMap(({ lost }) => lost), cancelled: renewed.flatMap(({ cancelled }) => cancelled) }
    },
    release: async (worker) => { for (const { head } of await letGo(all())) await asked(head.id, 'release', worker) },
    deliver: (id, message) => letGo(service.deliver(id, message)),
    inbox: (id, after) => asked(id, 'inbox', id, after),
    load: (id) => letGo(service.load(id)),
    list: async (filter) => {
      for (const { head } of await letGo(all())) await asked(head.id, 'retell')
      return letGo(service.list(filter) as Promise<Head[]>)
    },
    cancel: (id, reason) => letGo(service.cancel(id, reason)),
    resume: (id) => letGo(service.resume(id)),
    fork: (id, as, throughSeq) => letGo(service.fork(id, as, throughSeq)),
    // an object forgets its run by its alarm
    purge: async (limit, endedBefore) => {
      const left = await oracle()
      const count = await left.purge(limit, endedBefore)
      for (const { head } of await letGo(all())) {
        if (await left.load(head.id)) continue
        await letGo(call(runs, `list\0${head.name}`, 'gone', head.id))
        place.kept.get(head.id)?.values.clear()
      }
      return count
    },
    close: async () => undefined,
  }
}
