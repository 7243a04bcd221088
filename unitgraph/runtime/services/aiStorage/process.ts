/** `aiStorage` in a process: threads and runs of agents in its data folder, or on the server that instances share. */
import { storedInFile } from '../../agent/sqlite.ts'
import type { AgentStore } from '../../agent/store.ts'
import type { Place } from '../../core/services.ts'
import { readPlace, STORE } from '../../server/place.ts'
import { openStore } from '../../server/store.ts'

export const aiStorage = async (_base: unknown, { env, project, folder }: Place): Promise<AgentStore & { close(): unknown }> => {
  if (!readPlace(env, STORE)) return storedInFile(folder())
  const store = await openStore(env, project)
  return { ...await store.agents(), close: () => store.close() }
}
