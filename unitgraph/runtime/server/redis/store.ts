/** The store of processes that share a Redis: one that keeps what it was told. */
import { VOLATILE, type Shared, type Store } from '../store.ts'
import { connect, type Client } from './client.ts'
import { createJobs } from './jobs.ts'
import { createMarks } from './marks.ts'
import { createRunStore } from './runs.ts'
import { createTicks } from './ticks.ts'

const VERSION = '1'

/** With the hash tag that puts all keys of a project into one place of a cluster. */
export const prefixOf = (project: string): string => `unitgraph:{${project}}:`

const infoOf = async (client: Client, section: string): Promise<ReadonlyMap<string, string>> => {
  const text = String(await client.call('INFO', section))
  return new Map(text.split('\r\n').map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)]))
}

/** What the server might forget, and why. */
export const forgetful = async (client: Client): Promise<string[]> => {
  const [persistence, memory] = [await infoOf(client, 'persistence'), await infoOf(client, 'memory')]
  // until it has read its file, it says that it has none
  if (persistence.get('loading') === '1') throw new Error('LOADING it is reading its file')
  const policy = memory.get('maxmemory_policy') ?? 'unknown'
  return [
    ...(persistence.get('aof_enabled') === '1' ? [] : ['it has no append-only file (set appendonly yes)']),
    ...(memory.get('maxmemory') === '0' || policy === 'noeviction' ? [] : [
      `it drops keys when its memory is full (maxmemory-policy is ${policy}, set noeviction)`,
    ]),
  ]
}

/** Whether what it has answered is on its disk for certain; who isn't told takes it for not. */
const isFlushing = async (client: Client): Promise<boolean> => {
  const found = await client.call('CONFIG', 'GET', 'appendfsync').catch(() => undefined)
  return JSON.stringify(found ?? null).includes('"always"')
}

export const openStore = async ({ project, place, isVolatileAllowed }: Shared): Promise<Store> => {
  const client = connect(place)
  const prefix = prefixOf(project)
  try {
    const faults = isVolatileAllowed ? [] : await forgetful(client)
    if (faults.length > 0) throw new Error(`${faults.join(', and ')}; ${VOLATILE}=allow takes it as it is`)
    await client.call('SETNX', `${prefix}version`, VERSION)
    const version = await client.call('GET', `${prefix}version`)
    if (version !== VERSION) throw new Error(`its keys ${prefix}* are of version ${version}, and this program knows version ${VERSION}`)
    return {
      jobs: (owner) => createJobs(client, prefix, owner),
      runs: async () => createRunStore(client, prefix, !(await isFlushing(client))),
      agents: async () => (await import('./agents.ts')).createAgents(client, prefix),
      ticks: () => createTicks(client, prefix),
      marks: () => createMarks(client, prefix),
      close: () => client.close(),
    }
  } catch (error) {
    client.close()
    throw error
  }
}
