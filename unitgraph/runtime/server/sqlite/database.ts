/// <reference path="../modules.d.ts" />
/**
 * The database of a deployment: one SQLite file in its data folder, which several processes of a machine may share.
 * Knows its tables, not what they are for.
 */
import type { Database } from 'bun:sqlite'
import { connect, makeFolder } from '../file.ts'

const VERSION = 1

/**
 * `jobs.due_ms` is when a job may be taken: once its delay is over, or the lease of the process that runs it. `state`
 * is 0 while it waits or runs, 1 where only its id is kept until `due_ms`, 2 where it was given up.
 * `ticks.at_ms` is the last time that was run, `lease_ms` how long it surely runs: 0 once it has ended.
 */
const SCHEMA = `
  CREATE TABLE jobs (
    seq INTEGER PRIMARY KEY, queue TEXT NOT NULL, id TEXT NOT NULL, body TEXT NOT NULL, is_named INTEGER NOT NULL,
    added_ms INTEGER NOT NULL, due_ms INTEGER NOT NULL, attempt INTEGER NOT NULL DEFAULT 0, owner TEXT,
    state INTEGER NOT NULL DEFAULT 0
  ) STRICT;
  CREATE UNIQUE INDEX jobs_by_id ON jobs (queue, id);
  CREATE INDEX jobs_due ON jobs (queue, due_ms, seq) WHERE state = 0;
  CREATE INDEX jobs_owned ON jobs (owner) WHERE owner IS NOT NULL;
  CREATE INDEX jobs_ended ON jobs (due_ms) WHERE state = 1;
  CREATE TABLE ticks (task TEXT PRIMARY KEY, at_ms INTEGER NOT NULL, lease_ms INTEGER NOT NULL DEFAULT 0) STRICT;
  PRAGMA user_version = ${VERSION};
`

export interface Databases {
  /** What is written here is on the disk when the statement returns, whatever happens to the machine. */
  readonly durable: Database
  /** What is written here survives the process; the machine's sudden end may take the last of it back. */
  readonly quick: Database
}

const versionOf = (database: Database): number => database.query<{ user_version: number }>('PRAGMA user_version').get()?.user_version ?? 0

const open = (folder: string): Databases => {
  try {
    makeFolder(folder)
    const path = `${folder}/unitgraph.sqlite`
    const durable = connect(path, 'FULL')
    durable.transaction(() => {
      if (versionOf(durable) === 0) for (const sql of SCHEMA.split(';')) if (sql.trim()) durable.run(sql)
    }).immediate()
    const version = versionOf(durable)
    if (version !== VERSION) throw new Error(`it is of version ${version}, and this program knows version ${VERSION}`)
    return { durable, quick: connect(path, 'NORMAL') }
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw new Error(`The data folder ${folder} can't be used: ${why}. UNITGRAPH_DATA names another`, { cause: error })
  }
}

const opened = new Map<string, { databases: Databases; users: number }>()

/** One for all that ask for the folder. */
export const openDatabases = (folder: string): Databases => {
  const known = opened.get(folder) ?? { databases: open(folder), users: 0 }
  opened.set(folder, known)
  known.users += 1
  return known.databases
}

export const closeDatabases = (folder: string): void => {
  const known = opened.get(folder)
  if (!known || (known.users -= 1) > 0) return
  opened.delete(folder)
  for (const database of [known.databases.quick, known.databases.durable]) database.close()
}
