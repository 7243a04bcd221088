/** Every store that a test can have, by name, each time a new one that is empty. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createMemoryStore } from '../../../unitgraph/runtime/workflow/memory.ts'
import { createSqliteStore } from '../../../unitgraph/runtime/workflow/sqlite.ts'
import type { Store } from '../../../unitgraph/runtime/workflow/store.ts'

export type Make = (now: () => number) => Store

/** In memory where the machine has that: thousands of flushes are not what these tests are about. */
const PLACE = existsSync('/dev/shm') ? '/dev/shm' : tmpdir()

const folders: string[] = []

export const STORES: Readonly<Record<string, Make>> = {
  memory: createMemoryStore,
  sqlite: (now) => {
    const folder = mkdtempSync(join(PLACE, 'unitgraph-runs-'))
    folders.push(folder)
    return createSqliteStore(folder, now)
  },
}

export const removeStores = (): void => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
}
