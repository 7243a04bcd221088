/// <reference path="./modules.d.ts" />
/** The store that an environment names, opened for whoever looks after it: nothing is made where there is none. */
import { existsSync, readFileSync } from 'node:fs'
import type { Environment } from '../core/environment.ts'
import { dataFolder } from '../server/folder.ts'
import { readPlace, STORE } from '../server/place.ts'
import { openStore } from '../server/store.ts'
import { createMemoryStore } from '../workflow/memory.ts'
import type { Run } from '../workflow/run.ts'
import { createSqliteStore } from '../workflow/sqlite.ts'
import type { Store } from '../workflow/store.ts'
import { EXPORT, Refused } from './acts.ts'

/** A run of an export. Throws a sentence. */
export const readLine = (line: string): Run => {
  const { unitgraphRun, ...run } = JSON.parse(line) as Run & { unitgraphRun?: unknown }
  if (unitgraphRun !== EXPORT) throw new Error('it is no line of an export of this version')
  return run
}

const readExport = (file: string): Store => {
  const runs = readFileSync(file, 'utf8').split('\n').map((line, index): Run | undefined => {
    try {
      return line.trim() === '' ? undefined : readLine(line)
    } catch (error) {
      throw new Refused('export-broken', { file, line: index + 1, why: error instanceof Error ? error.message : String(error) })
    }
  })
  return createMemoryStore(Date.now, runs.filter((run) => run !== undefined))
}

/** `file`: an export, which is a store that nobody changes. */
export const open = async (env: Environment, project: string, file: string | null): Promise<{ store: Store; close(): Promise<void> }> => {
  if (file !== null) return { store: readExport(file), close: async () => undefined }
  if (readPlace(env, STORE)) {
    const place = await openStore(env, project)
    const store = await place.runs()
    return {
      store,
      close: async () => {
        await store.close()
        await place.close()
      },
    }
  }
  const folder = dataFolder(env, project)
  if (!existsSync(`${folder}/runs.sqlite`)) throw new Refused('no-store', { folder })
  const store = createSqliteStore(folder)
  return { store, close: () => store.close() }
}
