/** The store of processes that share a data folder. */
import type { Environment } from '../../core/environment.ts'
import { dataFolder } from '../folder.ts'
import type { Store } from '../store.ts'
import { closeDatabases, openDatabases } from './database.ts'
import { createJobs } from './jobs.ts'
import { createMarks } from './marks.ts'
import { createTicks } from './ticks.ts'

export const openStore = (env: Environment, project: string): Store => {
  const folder = dataFolder(env, project)
  const databases = openDatabases(folder)
  return {
    jobs: (owner) => createJobs(databases, owner),
    ticks: () => createTicks(databases),
    marks: () => createMarks(databases),
    runs: async () => (await import('../../workflow/sqlite.ts')).createSqliteStore(folder),
    agents: async () => (await import('../../agent/sqlite.ts')).storedInFile(folder),
    close: () => closeDatabases(folder),
  }
}
