/// <reference path="../server/modules.d.ts" />
/**
 * Runs in SQLite, in a file that several processes of a machine may share. What an answer says has happened is on the
 * disk; calls that come while the disk is busy share its next flush.
 */
import { openFile } from '../server/file.ts'
import { inGroups } from '../server/groups.ts'
import { createChooser, flowOf, type Bucket, type Candidate, type Chooser } from './flow.ts'
import { ENDS, type Entry, type Head, type Message, type NewRun, type Run } from './run.ts'
import type { Append, Appended, Delivered, Started, Store } from './store.ts'

const VERSION = 2
/** How many runs that are due are looked at together. */
const PAGE = 1000
const SCHEMA = [
  `CREATE TABLE runs (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, version TEXT NOT NULL, status TEXT NOT NULL, priority INTEGER NOT NULL, dueAt INTEGER,
    epoch INTEGER NOT NULL DEFAULT 0, owner TEXT, leaseUntil INTEGER, seq INTEGER NOT NULL DEFAULT 0, inboxSeq INTEGER NOT NULL DEFAULT 0,
    recoveries INTEGER NOT NULL DEFAULT 0, cancelAt INTEGER, cancelReason TEXT, parentId TEXT, parentKey TEXT, principal TEXT,
    traceparent TEXT, createdAt INTEGER NOT NULL, finishedAt INTEGER, reason TEXT, concurrencyKey TEXT, concurrencyLimit INTEGER NOT NULL,
    rateKey TEXT, rateLimit INTEGER NOT NULL, ratePerMs INTEGER NOT NULL, retentionMs INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID`,
  // moved apart from the head, which every step writes again
  'CREATE TABLE payloads (id TEXT PRIMARY KEY, input TEXT NOT NULL, output TEXT, error TEXT, underway TEXT) STRICT, WITHOUT ROWID',
  `CREATE TABLE journal (
    run TEXT NOT NULL, seq INTEGER NOT NULL, key TEXT NOT NULL, kind TEXT NOT NULL, phase TEXT NOT NULL, fingerprint TEXT NOT NULL,
    attempt INTEGER NOT NULL, input TEXT, value TEXT, error TEXT, startedAt INTEGER NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (run, seq)
  ) STRICT, WITHOUT ROWID`,
  `CREATE UNIQUE INDEX journal_words ON journal (run, key) WHERE phase = 'done'`,
  `CREATE TABLE inbox (
    run TEXT NOT NULL, n INTEGER NOT NULL, messageId TEXT NOT NULL, type TEXT NOT NULL, payload TEXT NOT NULL, by TEXT, key TEXT,
    at INTEGER NOT NULL, PRIMARY KEY (run, n)
  ) STRICT, WITHOUT ROWID`,
  'CREATE UNIQUE INDEX inbox_ids ON inbox (run, messageId)',
  'CREATE TABLE buckets (key TEXT PRIMARY KEY, tokens REAL NOT NULL, at INTEGER NOT NULL) STRICT, WITHOUT ROWID',
  `CREATE INDEX runs_due ON runs (name, dueAt) WHERE status IN ('ready', 'waiting', 'paused') AND dueAt IS NOT NULL`,
  `CREATE INDEX runs_leased ON runs (name, leaseUntil) WHERE status = 'running'`,
  `CREATE INDEX runs_held ON runs (concurrencyKey) WHERE status = 'running' AND concurrencyKey IS NOT NULL`,
  'CREATE INDEX runs_owned ON runs (owner) WHERE owner IS NOT NULL',
  'CREATE INDEX runs_listed ON runs (createdAt, id)',
  'CREATE INDEX runs_ended ON runs (finishedAt) WHERE finishedAt IS NOT NULL',
  'CREATE INDEX runs_kept ON runs (finishedAt + retentionMs) WHERE finishedAt IS NOT NULL',
]

/** ?1: the worker's versions by name. */
const MINE = 'json_each(?1) AS mine CROSS JOIN runs WHERE name = mine.key'
const WAITS = `status IN ('ready', 'waiting', 'paused') AND dueAt IS NOT NULL AND (status <> 'paused' OR version = mine.value)`
const LEASED = `status = 'running'`
/** ?4 and ?5: keys that are full, and those without a token. */
const FREE = `(status = 'running' OR concurrencyKey IS NULL OR concurrencyKey NOT IN (SELECT value FROM json_each(?4)))
  AND (status <> 'ready' OR rateKey IS NULL OR rateKey NOT IN (SELECT value FROM json_each(?5)))`

type MessageRow = Omit<Message, 'key'> & { readonly key: string | null; readonly run: string }
type EntryRow = Entry & { readonly run: string }

const messageOf = ({ run: _run, key, ...rest }: MessageRow): Message => ({ ...rest, ...(key !== null && { key }) })
const entryOf = ({ run: _run, ...rest }: EntryRow): Entry => rest

/** `now` is the clock that all processes of the machine share. */
export const createSqliteStore = (folder: string, now: () => number = Date.now): Store => {
  const database = openFile(folder, 'runs.sqlite', VERSION, SCHEMA)
  const transaction = database.transaction((works: readonly (() => unknown)[]) => works.map((work) => work()))
  const together = inGroups(
    (works: readonly (() => unknown)[]) => transaction.immediate(works), { most: Number.POSITIVE_INFINITY, atOnce: 1 },
  )
  const query = <Row>(sql: string) => database.query<Row>(sql)

  const head = query<Head>('SELECT * FROM runs WHERE id = ?')
  const held = query(`SELECT 1 FROM runs WHERE id = ? AND epoch = ? AND status = 'running'`)
  const payload = query<Pick<Run, 'input' | 'output' | 'error' | 'underway'>>('SELECT * FROM payloads WHERE id = ?')
  const journal = query<EntryRow>('SELECT * FROM journal WHERE run = ? ORDER BY seq')
  const messages = query<MessageRow>('SELECT * FROM inbox WHERE run = ? AND n > ? ORDER BY n')
  const insertRun = query(
    `INSERT INTO runs (id, name, version, status, dueAt, parentId, parentKey, principal, traceparent, createdAt, seq, priority, concurrencyKey,
       concurrencyLimit, rateKey, rateLimit, ratePerMs, retentionMs)
     VALUES (?1, ?2, ?3, 'ready', ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17) ON CONFLICT (id) DO NOTHING`,
  )
  const insertPayload = query('INSERT INTO payloads (id, input) VALUES (?, ?)')
  const due = query<Candidate & { id: string }>(
    `SELECT id, status, priority, concurrencyKey, concurrencyLimit, rateKey, rateLimit, ratePerMs, retentionMs
     FROM (SELECT runs.*, dueAt AS since FROM ${MINE} AND ${WAITS} AND dueAt <= ?2
       UNION ALL SELECT runs.*, leaseUntil FROM ${MINE} AND ${LEASED} AND leaseUntil <= ?2)
     WHERE ${FREE} ORDER BY priority DESC, since, id LIMIT ?3`,
  )
  // of each workflow the first, which an index knows, not the least of all
  const later = query<{ at: number | null }>(
    `SELECT min(at) AS at FROM (
       SELECT (SELECT dueAt FROM runs WHERE name = mine.key AND ${WAITS} AND dueAt > ?2 ORDER BY dueAt LIMIT 1) AS at FROM json_each(?1) AS mine
       UNION ALL
       SELECT (SELECT leaseUntil FROM runs WHERE name = mine.key AND ${LEASED} AND leaseUntil > ?2 AND owner <> ?3 ORDER BY leaseUntil LIMIT 1)
       FROM json_each(?1) AS mine)`,
  )
  const inHand = query<{ count: number }>(`SELECT count(*) AS count FROM runs WHERE concurrencyKey = ? AND status = 'running'`)
  const bucket = query<Bucket>('SELECT tokens, at FROM buckets WHERE key = ?')
  const keepBucket = query('INSERT INTO buckets (key, tokens, at) VALUES (?1, ?2, ?3) ON CONFLICT (key) DO UPDATE SET tokens = ?2, at = ?3')
  const take = query(
    `UPDATE runs SET recoveries = recoveries + (status = 'running'), status = 'running', epoch = epoch + 1, owner = ?2,
       leaseUntil = ?1 + ?3, dueAt = NULL WHERE id = ?4`,
  )
  const insertEntry = query(
    `INSERT INTO journal (run, seq, key, kind, phase, fingerprint, attempt, input, value, error, startedAt, at)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  )
  const grow = query<{ cancelAt: number | null }>(
    `UPDATE runs SET seq = seq + ?4, recoveries = CASE ?4 WHEN 0 THEN recoveries ELSE 0 END, status = ?5,
       owner = CASE ?5 WHEN 'running' THEN owner END, leaseUntil = CASE ?5 WHEN 'running' THEN leaseUntil END, dueAt = ?6,
       finishedAt = ?7, reason = coalesce(?8, reason), version = coalesce(?10, version)
     WHERE id = ?1 AND epoch = ?2 AND seq = ?3 AND status = 'running' AND (?9 < 0 OR inboxSeq = ?9) RETURNING cancelAt`,
  )
  const finish = query('UPDATE payloads SET output = ?, error = ? WHERE id = ?')
  const note = query(
    `UPDATE payloads SET underway = ?3 WHERE id = ?1 AND EXISTS (SELECT 1 FROM runs WHERE id = ?1 AND epoch = ?2 AND status = 'running')`,
  )
  const known = query<MessageRow>('SELECT * FROM inbox WHERE run = ? AND messageId = ?')
  const hasWord = query(`SELECT 1 FROM journal WHERE run = ? AND key = ? AND phase = 'done'`)
  const insertMessage = query('INSERT INTO inbox (run, n, messageId, type, payload, by, key, at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)')
  const wake = query(`UPDATE runs SET inboxSeq = inboxSeq + 1, dueAt = CASE status WHEN 'waiting' THEN ?2 ELSE dueAt END WHERE id = ?1`)
  const renew = query<{ cancelAt: number | null }>(
    `UPDATE runs SET leaseUntil = ?1 + ?2 WHERE id = ?3 AND owner = ?4 AND status = 'running' RETURNING cancelAt`,
  )
  const release = query(`UPDATE runs SET status = 'waiting', owner = NULL, leaseUntil = NULL, dueAt = ?1 WHERE owner = ?2 AND status = 'running'`)
  const cancel = query(
    `UPDATE runs SET cancelReason = CASE WHEN cancelAt IS NULL THEN ?3 ELSE cancelReason END, cancelAt = coalesce(cancelAt, ?2),
       status = CASE status WHEN 'running' THEN status ELSE 'waiting' END, dueAt = CASE status WHEN 'running' THEN dueAt ELSE ?2 END
     WHERE id = ?1 AND finishedAt IS NULL`,
  )
  const resume = query(`UPDATE runs SET status = 'waiting', dueAt = ?2, recoveries = 0, reason = NULL WHERE id = ?1 AND status = 'paused'`)
  const copy = query(
    `INSERT INTO journal (run, seq, key, kind, phase, fingerprint, attempt, input, value, error, startedAt, at)
     SELECT ?2, seq, key, kind, phase, fingerprint, attempt, input, value, error, startedAt, at FROM journal WHERE run = ?1 AND seq <= ?3`,
  )
  const old = query<{ id: string }>('SELECT id FROM runs WHERE finishedAt IS NOT NULL AND finishedAt < ? LIMIT ?')
  const over = query<{ id: string }>('SELECT id FROM runs WHERE finishedAt IS NOT NULL AND finishedAt + retentionMs <= ? LIMIT ?')
  const removals = ['DELETE FROM runs WHERE id = ?', 'DELETE FROM payloads WHERE id = ?', 'DELETE FROM journal WHERE run = ?', 'DELETE FROM inbox WHERE run = ?']

  const headOf = (id: string): Head | undefined => head.get(id) ?? undefined
  const load = (id: string): Run | undefined => {
    const found = headOf(id)
    const rest = payload.get(id)
    if (!found || !rest) return undefined
    const { input, output, error, underway } = rest
    return { head: found, input, output, error, underway, journal: journal.all(id).map(entryOf), inbox: messages.all(id, 0).map(messageOf) }
  }

  /** What the work gives, once it is on the disk. */
  const written = <T>(work: () => T): Promise<T> => together(work) as Promise<T>

  const choose = (at: number): Chooser => createChooser(
    at, (key) => inHand.get(key)?.count ?? 0, (key) => bucket.get(key) ?? undefined, (key, kept) => void keepBucket.run(key, kept.tokens, kept.at),
  )
  const insert = (run: NewRun, at: number, seq: number): boolean => {
    const { priority, concurrencyKey, concurrencyLimit, rateKey, rateLimit, ratePerMs, retentionMs } = flowOf(run)
    return insertRun.run(
      run.id, run.name, run.version, at + (run.delayMs ?? 0), run.parentId ?? null, run.parentKey ?? null, run.principal ?? null,
      run.traceparent ?? null, at, seq, priority, concurrencyKey, concurrencyLimit, rateKey, rateLimit, ratePerMs, retentionMs,
    ).changes > 0
  }

  const append = ({ id, epoch, fromSeq, entries, change = {}, seen, version }: Append): Appended => {
    const at = now()
    const { status = 'running', dueAt = null, output = null, error = null, reason = null } = change
    const moved = grow.get(id, epoch, fromSeq, entries.length, status, dueAt, ENDS.has(status) ? at : null, reason, seen ?? -1,
      entries.length > 0 ? version ?? null : null)
    if (!moved) {
      const found = headOf(id)
      if (!found || found.epoch !== epoch) return { is: 'fenced' }
      // what was written, and whose answer got lost, is written
      if (entries.length > 0 && found.seq === fromSeq + entries.length) return { is: 'ok', now: at, cancelAt: found.cancelAt }
      return { is: found.status === 'running' && found.seq === fromSeq ? 'inbox-moved' : 'fenced' }
    }
    for (const [index, one] of entries.entries()) {
      const { key, kind, phase, fingerprint, attempt, startedAt } = one
      insertEntry.run(id, fromSeq + index + 1, key, kind, phase, fingerprint, attempt, one.input, one.value, one.error, startedAt, at)
    }
    if (output !== null || error !== null) finish.run(output, error, id)
    return { is: 'ok', now: at, cancelAt: moved.cancelAt }
  }

  return {
    start: (run, lease) => written((): Started => {
      const at = now()
      if (!insert(run, at, 0)) {
        const found = headOf(run.id) as Head
        return { is: found.name === run.name && payload.get(run.id)?.input === run.input ? 'known' : 'conflict', head: found }
      }
      insertPayload.run(run.id, run.input)
      if (lease && choose(at).take({ ...flowOf(run), status: 'ready' })) take.run(at, lease.worker, lease.ttlMs, run.id)
      return { is: 'started', run: load(run.id) as Run, now: at }
    }),
    claim: ({ worker, ttlMs, versions, count }) => written(() => {
      const at = now()
      const mine = JSON.stringify(versions)
      const chooser = choose(at)
      const taken: string[] = []
      // each page's runs are taken, or their keys are left out of the next
      for (let size = count; taken.length < count; size = PAGE) {
        const found = due.all(mine, at, size, JSON.stringify([...chooser.full]), JSON.stringify([...chooser.empty]))
        for (const { id, ...candidate } of found) {
          if (taken.length === count || !chooser.take(candidate)) continue
          take.run(at, worker, ttlMs, id)
          taken.push(id)
        }
        if (found.length < size) break
      }
      const next = [later.get(mine, at, worker)?.at, chooser.tokenAt].filter((one): one is number => typeof one === 'number')
      const nextAt = taken.length >= count ? at : next.length > 0 ? Math.min(...next) : null
      return { runs: taken.map((id) => load(id) as Run), now: at, nextAt }
    }),
    isHeld: async (id, epoch) => held.get(id, epoch) !== null,
    append: (given) => written(() => append(given)),
    note: async (id, epoch, underway) => void note.run(id, epoch, underway),
    renew: ({ worker, ttlMs }, ids) => written(() => {
      const at = now()
      const lost: string[] = []
      const cancelled: string[] = []
      for (const id of ids) {
        const kept = renew.get(at, ttlMs, id, worker)
        if (!kept) lost.push(id)
        else if (kept.cancelAt !== null) cancelled.push(id)
      }
      return { now: at, lost, cancelled }
    }),
    release: (worker) => written(() => void release.run(now(), worker)),
    deliver: (id, message) => written((): Delivered => {
      const found = headOf(id)
      if (!found) return { is: 'unknown' }
      const first = known.get(id, message.messageId)
      if (first) return { is: 'duplicate', first: messageOf(first) }
      if (ENDS.has(found.status) || (message.key !== undefined && hasWord.get(id, message.key))) return { is: 'late', head: found }
      const { messageId, type, payload: text, by, key } = message
      insertMessage.run(id, found.inboxSeq + 1, messageId, type, text, by, key ?? null, now())
      wake.run(id, now())
      return { is: 'delivered' }
    }),
    inbox: async (id, after) => messages.all(id, after).map(messageOf),
    load: (id) => written(() => load(id)),
    list: async ({ name, status, since, text, before, limit }) => query<Head>(
      `SELECT * FROM runs WHERE (?1 IS NULL OR name = ?1) AND (?2 IS NULL OR status = ?2)
         AND (?3 IS NULL OR (createdAt, id) < (?3, ?4)) AND (?6 IS NULL OR createdAt >= ?6)
         AND (?7 IS NULL OR instr(lower(id), lower(?7)) OR instr(lower(name), lower(?7)) OR instr(lower(reason), lower(?7))
           OR instr(lower((SELECT input FROM payloads WHERE payloads.id = runs.id)), lower(?7)))
         ORDER BY createdAt DESC, id DESC LIMIT ?5`,
    ).all(name ?? null, status ?? null, before?.createdAt ?? null, before?.id ?? null, limit, since ?? null, text ?? null),
    cancel: (id, reason) => written(() => { cancel.run(id, now(), reason); return headOf(id) }),
    resume: (id) => written(() => { resume.run(id, now()); return headOf(id) }),
    fork: (id, as, throughSeq) => written(() => {
      const from = headOf(id)
      const text = payload.get(id)
      if (!from || !text) return undefined
      const at = now()
      const count = Math.min(from.seq, throughSeq)
      if (!insert({ ...from, id: as, input: text.input, parentId: null, parentKey: null }, at, count)) return undefined
      insertPayload.run(as, text.input)
      copy.run(id, as, count)
      return headOf(as)
    }),
    purge: (limit, endedBefore) => written(() => {
      const gone = endedBefore === undefined ? over.all(now(), limit) : old.all(endedBefore, limit)
      for (const sql of removals) for (const { id } of gone) query(sql).run(id)
      return gone.length
    }),
    close: async () => database.close(),
  }
}
