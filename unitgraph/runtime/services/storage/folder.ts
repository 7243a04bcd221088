/**
 * Objects in a folder: each a file under a name that is drawn by lot, so that no key is ever a path, and an index of
 * them in SQLite. A file is whole and on the disk before the index names it; what nothing names is removed.
 */
import { closeSync, fdatasyncSync, mkdirSync, openSync, readdirSync, readSync, statSync, unlinkSync, writeSync } from 'node:fs'
import { openFile } from '../../server/file.ts'
import type { ObjectBody, ObjectInfo } from '../../types/services.ts'
import { cursorAfter, HIGHEST, keyBefore } from '../keys.ts'
import { beyondTheEnd, cutTo, type Objects } from './index.ts'

const VERSION = 1
const SCHEMA = `CREATE TABLE objects (
  key TEXT PRIMARY KEY, file TEXT NOT NULL UNIQUE, size INTEGER NOT NULL, etag TEXT NOT NULL, type TEXT NOT NULL, at_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID`
/** What is written longer than this and named by nothing is nobody's. */
const ABANDONED_MS = 86_400_000
const CHUNK = 256 * 1024

interface Row {
  readonly key: string
  readonly file: string
  readonly size: number
  readonly etag: string
  readonly type: string
  readonly at_ms: number
}

declare const Bun: { readonly CryptoHasher: new (algorithm: 'md5') => { update(bytes: Uint8Array): void; digest(encoding: 'hex'): string } }

const entry = ({ key, size, etag, at_ms }: Row) => ({ key, size, etag, lastModified: new Date(at_ms) })
const info = (row: Row): ObjectInfo => ({ ...entry(row), contentType: row.type })

const streamOf = (body: ObjectBody): ReadableStream<Uint8Array> =>
  body instanceof ReadableStream ? body : (new Response(body).body ?? new ReadableStream({ start: (controller) => controller.close() }))

/** A file that is new is surely there only once its folder is on the disk. */
const toDisk = (folder: string): void => {
  const fd = openSync(folder, 'r', 0)
  try {
    fdatasyncSync(fd)
  } finally {
    closeSync(fd)
  }
}

/** Files of streams that nobody reads to their end. */
const forgotten = new FinalizationRegistry<number>((fd) => closeSync(fd))

/** Reads from an open file, which stays what it was when its object is replaced. */
const streamFrom = (fd: number, start: number, end: number): ReadableStream<Uint8Array> => {
  let at = start
  const token = {}
  const close = (): void => {
    forgotten.unregister(token)
    closeSync(fd)
  }
  const stream = new ReadableStream<Uint8Array>({
    pull: (controller) => {
      const bytes = new Uint8Array(Math.min(CHUNK, end - at))
      const count = readSync(fd, bytes, 0, bytes.length, at)
      at += count
      if (count > 0) controller.enqueue(bytes.subarray(0, count))
      if (count > 0 && at < end) return
      close()
      if (at < end) controller.error(new Error('The file of an object is shorter than the object'))
      else controller.close()
    },
    cancel: close,
  }, { highWaterMark: 0 })
  forgotten.register(stream, fd, token)
  return stream
}

export const objectsInFolder = (folder: string): Objects => {
  const database = openFile(folder, 'objects.sqlite', VERSION, [SCHEMA])
  const bodies = `${folder}/objects`
  mkdirSync(bodies, { recursive: true, mode: 0o700 })
  const find = database.query<Row>('SELECT * FROM objects WHERE key = ?')
  const name = database.query(
    `INSERT INTO objects VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (key) DO UPDATE SET
     file = excluded.file, size = excluded.size, etag = excluded.etag, type = excluded.type, at_ms = excluded.at_ms`,
  )
  const forget = database.query('DELETE FROM objects WHERE key = ?')
  const list = database.query<Row>('SELECT * FROM objects WHERE key >= ?1 AND key <= ?2 AND key > ?3 ORDER BY key LIMIT ?4')
  const named = database.query('SELECT 1 FROM objects WHERE file = ?')

  const remove = (file: string): void => {
    try {
      unlinkSync(`${bodies}/${file}`)
    } catch {
      // another process was faster
    }
  }

  /** What a process that died left behind. */
  const tidy = (): void => {
    for (const file of readdirSync(bodies)) {
      try {
        if (statSync(`${bodies}/${file}`).mtimeMs < Date.now() - ABANDONED_MS && !named.get(file)) remove(file)
      } catch {
        // as above
      }
    }
  }

  /** Exchanges what the index says of a key; gives the file that nothing names any longer. */
  const exchange = (key: string, write: () => void): string | undefined =>
    database.transaction(() => {
      const before = find.get(key)?.file
      write()
      return before
    }).immediate()

  const open = (key: string): { row: Row; fd: number } | undefined => {
    for (;;) {
      const row = find.get(key)
      if (!row) return undefined
      try {
        return { row, fd: openSync(`${bodies}/${row.file}`, 'r', 0) }
      } catch (error) {
        // replaced between the two: the index names another file now
        if (find.get(key)?.file === row.file) throw error
      }
    }
  }

  tidy()
  return {
    write: async (key, body, type) => {
      const file = crypto.randomUUID()
      const hash = new Bun.CryptoHasher('md5')
      let size = 0
      const fd = openSync(`${bodies}/${file}`, 'wx', 0o600)
      try {
        try {
          for await (const chunk of streamOf(body)) {
            hash.update(chunk)
            for (let at = 0; at < chunk.length;) at += writeSync(fd, chunk, at, chunk.length - at)
            size += chunk.length
          }
          fdatasyncSync(fd)
        } finally {
          closeSync(fd)
        }
        toDisk(bodies)
        const row: Row = { key, file, size, etag: hash.digest('hex'), type, at_ms: Date.now() }
        const before = exchange(key, () => void name.run(key, file, size, row.etag, type, row.at_ms))
        if (before !== undefined) remove(before)
        return info(row)
      } catch (error) {
        remove(file)
        throw error
      }
    },
    read: async (key, range) => {
      const found = open(key)
      if (!found) return undefined
      const { row, fd } = found
      const cut = cutTo(row.size, range)
      if (!cut || cut.start === cut.end) closeSync(fd)
      if (!cut) throw beyondTheEnd()
      const body = cut.start === cut.end ? streamOf('') : streamFrom(fd, cut.start, cut.end)
      return { info: info(row), body }
    },
    head: async (key) => {
      const row = find.get(key)
      return row ? info(row) : undefined
    },
    delete: async (key) => {
      const before = exchange(key, () => void forget.run(key))
      if (before !== undefined) remove(before)
    },
    list: async (prefix, limit, cursor) => {
      const rows = list.all(prefix, `${prefix}${HIGHEST}`, keyBefore(cursor), limit + 1)
      const objects = rows.slice(0, limit).map(entry)
      return { objects, ...(rows.length > limit && { cursor: cursorAfter(objects.at(-1)?.key ?? '') }) }
    },
    close: () => database.close(),
  }
}
