/// <reference path="./modules.d.ts" />
/** A SQLite file of one service in the data folder. Knows how such a file is opened, not what is in it. */
import { Database } from 'bun:sqlite'
import { mkdirSync } from 'node:fs'

const BUSY_MS = 10_000

/** A connection with what every file of a data folder has: others wait for a writer, and `kill -9` does no harm. */
export const connect = (path: string, synchronous: 'FULL' | 'NORMAL'): Database => {
  const database = new Database(path, { create: true, strict: true })
  database.run(`PRAGMA busy_timeout = ${BUSY_MS}`)
  database.run('PRAGMA journal_mode = WAL')
  database.run(`PRAGMA synchronous = ${synchronous}`)
  return database
}

/** The data folder, made for nobody but this user. */
export const makeFolder = (folder: string): void => void mkdirSync(folder, { recursive: true, mode: 0o700 })

const versionOf = (database: Database): number =>
  database.query<{ user_version: number }>('PRAGMA user_version').get()?.user_version ?? 0

/** Makes the tables of a file that is new; one of another version is refused. */
export const openFile = (folder: string, name: string, version: number, schema: readonly string[]): Database => {
  try {
    makeFolder(folder)
    const database = connect(`${folder}/${name}`, 'FULL')
    database.transaction(() => {
      if (versionOf(database) !== 0) return
      for (const sql of schema) database.run(sql)
      database.run(`PRAGMA user_version = ${version}`)
    }).immediate()
    const found = versionOf(database)
    if (found !== version) throw new Error(`it is of version ${found}, and this program knows version ${version}`)
    return database
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw new Error(`${name} in the data folder ${folder} can't be used: ${why}. UNITGRAPH_DATA names another folder`, { cause: error })
  }
}
