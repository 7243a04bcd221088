/**
 * Where the processes of a deployment keep jobs and times: SQLite in a data folder, or the PostgreSQL or Redis that
 * `UNITGRAPH_STORE` names. Only the chosen one's code is loaded.
 */
import type { AgentStore } from '../agent/store.ts'
import { readText, type Environment } from '../core/environment.ts'
import type { Jobs } from './jobs.ts'
import type { Marks } from './marks.ts'
import { onceStarted } from './patience.ts'
import { readPlace, STORE, unusable, type Place } from './place.ts'
import type { Store as RunStore } from '../workflow/store.ts'
import type { Ticks } from './ticks.ts'

export interface Store {
  /** Of one process, by a name that no other has. */
  jobs(owner: string): Jobs
  ticks(): Ticks
  marks(): Marks
  /** Runs of workflows; rejects where the place can't keep them. */
  runs(): Promise<RunStore>
  /** Threads and runs of agents. */
  agents(): Promise<AgentStore>
  close(): Promise<void> | void
}

/** A Redis that may forget what it was told is refused unless this is `allow`. */
export const VOLATILE = 'UNITGRAPH_STORE_VOLATILE'

export interface Shared {
  readonly project: string
  readonly place: Place
  readonly isVolatileAllowed: boolean
}

const SHARED: Readonly<Record<Place['kind'], () => Promise<{ openStore(shared: Shared): Promise<Store> }>>> = {
  postgres: () => import('./postgres/store.ts'),
  redis: () => import('./redis/store.ts'),
}

const open = async (env: Environment, project: string): Promise<Store> => {
  const place = readPlace(env, STORE)
  const volatile = readText(env, VOLATILE) || 'refuse'
  if (volatile !== 'allow' && volatile !== 'refuse') throw new Error(`${VOLATILE} is ${JSON.stringify(volatile)}, not allow or refuse`)
  if (!place) return (await import('./sqlite/store.ts')).openStore(env, project)
  const { openStore: opened } = await SHARED[place.kind]()
  return onceStarted(() => opened({ project, place, isVolatileAllowed: volatile === 'allow' })).catch((error: unknown) => { throw unusable(place, error) })
}

const stores = new Map<string, { readonly store: Promise<Store>; users: number }>()

/** One for all of a process that ask for the same; closed when the last of them closes it. */
export const openStore = async (env: Environment, project: string): Promise<Store> => {
  const key = JSON.stringify([project, ...[STORE, VOLATILE, 'UNITGRAPH_DATA'].map((name) => readText(env, name))])
  const mine = stores.get(key) ?? { store: open(env, project), users: 0 }
  stores.set(key, mine)
  mine.users += 1
  const store = await mine.store.catch((error: unknown) => {
    stores.delete(key)
    throw error
  })
  let isOpen = true
  return {
    jobs: (owner) => store.jobs(owner),
    ticks: () => store.ticks(),
    marks: () => store.marks(),
    runs: () => store.runs(),
    agents: () => store.agents(),
    close: async () => {
      if (!isOpen) return
      isOpen = false
      if ((mine.users -= 1) > 0) return
      stores.delete(key)
      await store.close()
    },
  }
}
