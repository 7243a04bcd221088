/// <reference path="./modules.d.ts" />
/** Where runs are as an environment names it, opened for whoever looks after them: nothing is made where there is none. */
import { existsSync, readFileSync } from 'node:fs'
import { readText, type Environment } from '../core/environment.ts'
import { TOKEN } from '../dashboard/auth.ts'
import { dataFolder } from '../server/folder.ts'
import { readPlace, STORE, type Place } from '../server/place.ts'
import { openStore } from '../server/store.ts'
import { createMemoryStore } from '../workflow/memory.ts'
import type { Run } from '../workflow/run.ts'
import { createSqliteStore } from '../workflow/sqlite.ts'
import { EXPORT, Refused } from './acts.ts'
import { shelfAt } from './remote.ts'
import { shelfOf, type Shelf } from './shelf.ts'

/** A run of an export. Throws a sentence. */
export const readLine = (line: string): Run => {
  const { unitgraphRun, ...run } = JSON.parse(line) as Run & { unitgraphRun?: unknown }
  if (unitgraphRun !== EXPORT) throw new Error('it is no line of an export of this version')
  return run
}

const readExport = (file: string): Shelf => {
  const runs = readFileSync(file, 'utf8').split('\n').map((line, index): Run | undefined => {
    try {
      return line.trim() === '' ? undefined : readLine(line)
    } catch (error) {
      throw new Refused('export-broken', { file, line: index + 1, why: error instanceof Error ? error.message : String(error) })
    }
  })
  return shelfOf(createMemoryStore(Date.now, runs.filter((run) => run !== undefined)))
}

/** Whoever looks makes no tables, and brings none to another version: what is deployed may be older. */
const checkPostgres = async (place: Place, project: string): Promise<void> => {
  const [{ connect }, { nameOf, quoted }, { migrations }] = await Promise.all([
    import('../server/postgres/client.ts'), import('../server/postgres/schema.ts'), import('../server/postgres/routines.ts'),
  ])
  const client = connect(place)
  try {
    const schema = quoted(await nameOf(project))
    const [known] = await client.run<{ is: boolean }>('SELECT to_regclass($1) IS NOT NULL AS is', `${schema}.parts`)
    const [found] = known?.is ? await client.run<{ version: number }>(`SELECT version FROM ${schema}.parts WHERE part = 'runs'`) : []
    if (!found) throw new Refused('no-store', { where: place.name, what: `schema ${schema} with runs` })
    const own = migrations(schema).length
    if (found.version !== own) {
      throw new Error(`its tables are of version ${found.version}, and this program knows version ${own}: use the unitgraph that it was deployed with`)
    }
  } finally {
    await client.close()
  }
}

export interface Opening {
  readonly project: string
  /** An export, which is a shelf that nobody changes. */
  readonly file: string | null
  /** A deployment that answers for its own runs. */
  readonly url: string | null
}

export const open = async (env: Environment, { project, file, url }: Opening): Promise<{ shelf: Shelf; close(): Promise<void> }> => {
  if (file !== null) return { shelf: readExport(file), close: async () => undefined }
  if (url !== null) return { shelf: shelfAt(url, readText(env, TOKEN)), close: async () => undefined }
  const shared = readPlace(env, STORE)
  if (shared) {
    if (shared.kind === 'postgres') await checkPostgres(shared, project)
    const place = await openStore(env, project)
    const store = await place.runs()
    return {
      shelf: shelfOf(store),
      close: async () => {
        await store.close()
        await place.close()
      },
    }
  }
  const folder = dataFolder(env, project)
  if (!existsSync(`${folder}/runs.sqlite`)) throw new Refused('no-store', { where: folder, what: 'runs.sqlite' })
  const store = createSqliteStore(folder)
  return { shelf: shelfOf(store), close: () => store.close() }
}
