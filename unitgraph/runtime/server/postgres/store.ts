/** The store of processes that share a PostgreSQL. */
import type { Shared, Store } from '../store.ts'
import { connect } from './client.ts'
import { createJobs } from './jobs.ts'
import { createMarks } from './marks.ts'
import { nameOf, prepare } from './schema.ts'
import { createTicks } from './ticks.ts'

export const openStore = async ({ project, place }: Shared): Promise<Store> => {
  const client = connect(place)
  try {
    const schema = await prepare(client, project)
    const channel = `${await nameOf(project)}_jobs`
    return {
      jobs: (owner) => createJobs(client, schema, channel, owner),
      runs: async () => (await import('./runs.ts')).createRunStore(client, schema),
      agents: async () => (await import('./agents.ts')).createAgents(client, schema),
      ticks: () => createTicks(client, schema),
      marks: () => createMarks(client, schema),
      close: () => client.close(),
    }
  } catch (error) {
    await client.close()
    throw error
  }
}
