/** `kv` in a process: a SQLite file in its data folder, which several processes of a machine may share. */
import type { Place } from '../../core/services.ts'
import { openFile } from '../../server/file.ts'
import type { KeyValueStore } from '../../types/services.ts'
import { cursorAfter, HIGHEST, keyBefore } from '../keys.ts'
import { createKeyValueStore, type Kept } from './index.ts'

const VERSION = 1
const SCHEMA = 'CREATE TABLE kv (key TEXT PRIMARY KEY, value TEXT NOT NULL, until_ms INTEGER) STRICT, WITHOUT ROWID'
const UNTIL = 'CREATE INDEX kv_until ON kv (until_ms) WHERE until_ms IS NOT NULL'
/** What is over is removed by whoever writes, so many at a time. */
const FORGET = 100
export const keptInFile = (folder: string): Kept => {
  const database = openFile(folder, 'kv.sqlite', VERSION, [SCHEMA, UNTIL])
  const get = database.query<{ value: string }>('SELECT value FROM kv WHERE key = ?1 AND (until_ms IS NULL OR until_ms > ?2)')
  const put = database.query(
    'INSERT INTO kv VALUES (?, ?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value, until_ms = excluded.until_ms',
  )
  const forget = database.query('DELETE FROM kv WHERE key IN (SELECT key FROM kv WHERE until_ms <= ? LIMIT ?)')
  const remove = database.query('DELETE FROM kv WHERE key = ?')
  const list = database.query<{ key: string }>(
    `SELECT key FROM kv WHERE key >= ?1 AND key <= ?2 AND key > ?3 AND (until_ms IS NULL OR until_ms > ?4) ORDER BY key LIMIT ?5`,
  )
  return {
    get: async (key) => get.get(key, Date.now())?.value,
    put: async (key, text, untilMs) => {
      forget.run(Date.now(), FORGET)
      put.run(key, text, untilMs === undefined ? null : Math.ceil(untilMs))
    },
    delete: async (key) => void remove.run(key),
    list: async (prefix, limit, cursor) => {
      const rows = list.all(prefix, `${prefix}${HIGHEST}`, keyBefore(cursor), Date.now(), limit + 1)
      const keys = rows.slice(0, limit).map(({ key }) => key)
      return { keys, cursor: rows.length > limit ? cursorAfter(keys.at(-1) ?? '') : undefined }
    },
    close: () => database.close(),
  }
}

export const kv = (_base: unknown, { folder }: Place): KeyValueStore => createKeyValueStore(keptInFile(folder()))
