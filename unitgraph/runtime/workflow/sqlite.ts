/// <reference path="../server/modules.d.ts" />
/**
 * Runs in SQLite, in a file that several processes of a machine may share. What an answer says has happened is on the
 * disk; calls that come while the disk is busy share its next flush.
 */
import { openFile } from '../server/file.ts'
import { inGroups } from '../server/groups.ts'
import { ENDS, type Entry, type Head, type Message, type Run } from './run.ts'
import type { Append, Appended, Delivered, Started, Store } from './store.ts'

const VERSION = 1
const SCHEMA = [
  `CREATE TABLE runs (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, version TEXT NOT NULL, status TEXT NOT NULL, priority INTEGER NOT NULL, dueAt INTEGER,
    epoch INTEGER NOT NULL DEFAULT 0, owner TEXT, leaseUntil INTEGER, seq INTEGER NOT NULL DEFAULT 0, inboxSeq INTEGER NOT NULL DEFAULT 0,
    recoveries INTEGER NOT NULL DEFAULT 0, cancelAt INTEGER, cancelReason TEXT, parentId TEXT, parentKey TEXT, principal TEXT,
    traceparent TEXT, createdAt INTEGER NOT NULL, finishedAt INTEGER, reason TEXT
  ) STRICT, WITHOUT ROWID`,
  // moved apart from the head, which every step writes again
  'CREATE TABLE payloads (id TEXT PRIMARY KEY, input TEXT NOT NULL, output TEXT, error TEXT) STRICT, WITHOUT ROWID',
  `CREATE TABLE journal (
    run TEXT NOT NULL, seq INTEGER NOT NULL, key TEXT NOT NULL, kind TEXT NOT NULL, phase TEXT NOT NULL, fingerprint TEXT NOT NULL,
    attempt INTEGER NOT NULL, value TEXT, error TEXT, startedAt INTEGER NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (run, seq)
  ) STRICT, WITHOUT ROWID`,
  `CREATE UNIQUE INDEX journal_words ON journal (run, key) WHERE phase = 'done'`,
  `CREATE TABLE inbox (
    run TEXT NOT NULL, n INTEGER NOT NULL, messageId TEXT NOT NULL, type TEXT NOT NULL, payload TEXT NOT NULL, by TEXT, key TEXT,
    at INTEGER NOT NULL, PRIMARY KEY (run, n)
  ) STRICT, WITHOUT ROWID`,
  'CREATE UNIQUE INDEX inbox_ids ON inbox (run, messageId)',
  `CREATE INDEX runs_due ON runs (name, dueAt) WHERE status IN ('ready', 'waiting') AND dueAt IS NOT NULL`,
  `CREATE INDEX runs_leased ON runs (name, leaseUntil) WHERE status = 'running'`,
  'CREATE INDEX runs_owned ON runs (owner) WHERE owner IS NOT NULL',
  'CREATE INDEX runs_listed ON runs (createdAt, id)',
  'CREATE INDEX runs_ended ON runs (finishedAt) WHERE finishedAt IS NOT NULL',
]

const DUE = `status IN ('ready', 'waiting') AND dueAt IS NOT NULL AND dueAt <= ?1`
const LEFT = `status = 'running' AND leaseUntil <= ?1`
const TAKE = `UPDATE runs SET recoveries = recoveries + (status = 'running'), status = 'running', epoch = epoch + 1, owner = ?2,
  leaseUntil = ?1 + ?3, dueAt = NULL`

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
  const payload = query<{ input: string; output: string | null; error: string | null }>('SELECT * FROM payloads WHERE id = ?')
  const journal = query<EntryRow>('SELECT * FROM journal WHERE run = ? ORDER BY seq')
  const messages = query<MessageRow>('SELECT * FROM inbox WHERE run = ? AND n > ? ORDER BY n')
  const insertRun = query(
    `INSERT INTO runs (id, name, version, status, priority, dueAt, parentId, parentKey, principal, traceparent, createdAt, seq)
     VALUES (?1, ?2, ?3, 'ready', ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) ON CONFLICT (id) DO NOTHING`,
  )
  const insertPayload = query('INSERT INTO payloads (id, input) VALUES (?, ?)')
  const takeOne = query(`${TAKE} WHERE id = ?4`)
  const insertEntry = query(
    `INSERT INTO journal (run, seq, key, kind, phase, fingerprint, attempt, value, error, startedAt, at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  )
  const grow = query<{ cancelAt: number | null }>(
    `UPDATE runs SET seq = seq + ?4, recoveries = CASE ?4 WHEN 0 THEN recoveries ELSE 0 END, status = ?5,
       owner = CASE ?5 WHEN 'running' THEN owner END, leaseUntil = CASE ?5 WHEN 'running' THEN leaseUntil END, dueAt = ?6,
       finishedAt = ?7, reason = coalesce(?8, reason)
     WHERE id = ?1 AND epoch = ?2 AND seq = ?3 AND status = 'running' AND (?9 < 0 OR inboxSeq = ?9) RETURNING cancelAt`,
  )
  const finish = query('UPDATE payloads SET output = ?, error = ? WHERE id = ?')
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
    `INSERT INTO journal (run, seq, key, kind, phase, fingerprint, attempt, value, error, startedAt, at)
     SELECT ?2, seq, key, kind, phase, fingerprint, attempt, value, error, startedAt, at FROM journal WHERE run = ?1 AND seq <= ?3`,
  )
  const old = query<{ id: string }>('SELECT id FROM runs WHERE finishedAt IS NOT NULL AND finishedAt < ? LIMIT ?')
  const removals = ['DELETE FROM runs WHERE id = ?', 'DELETE FROM payloads WHERE id = ?', 'DELETE FROM journal WHERE run = ?', 'DELETE FROM inbox WHERE run = ?']

  const headOf = (id: string): Head | undefined => head.get(id) ?? undefined
  const load = (id: string): Run | undefined => {
    const found = headOf(id)
    const rest = payload.get(id)
    if (!found || !rest) return undefined
    const { input, output, error } = rest
    return { head: found, input, output, error, journal: journal.all(id).map(entryOf), inbox: messages.all(id, 0).map(messageOf) }
  }

  /** What the work gives, once it is on the disk. */
  const written = <T>(work: () => T): Promise<T> => together(work) as Promise<T>

  const append = ({ id, epoch, fromSeq, entries, change = {}, seen }: Append): Appended => {
    const at = now()
    const { status = 'running', dueAt = null, output = null, error = null, reason = null } = change
    const moved = grow.get(id, epoch, fromSeq, entries.length, status, dueAt, ENDS.has(status) ? at : null, reason, seen ?? -1)
    if (!moved) {
      const found = headOf(id)
      if (!found || found.epoch !== epoch) return { is: 'fenced' }
      // what was written, and whose answer got lost, is written
      if (entries.length > 0 && found.seq === fromSeq + entries.length) return { is: 'ok', now: at, cancelAt: found.cancelAt }
      return { is: found.status === 'running' && found.seq === fromSeq ? 'inbox-moved' : 'fenced' }
    }
    for (const [index, one] of entries.entries()) {
      const { key, kind, phase, fingerprint, attempt, startedAt } = one
      insertEntry.run(id, fromSeq + index + 1, key, kind, phase, fingerprint, attempt, one.value, one.error, startedAt, at)
    }
    if (output !== null || error !== null) finish.run(output, error, id)
    return { is: 'ok', now: at, cancelAt: moved.cancelAt }
  }

  return {
    start: (run, lease) => written((): Started => {
      const at = now()
      const { changes } = insertRun.run(
        run.id, run.name, run.version, run.priority ?? 0, at + (run.delayMs ?? 0), run.parentId ?? null, run.parentKey ?? null,
        run.principal ?? null, run.traceparent ?? null, at, 0,
      )
      if (changes === 0) {
        const found = headOf(run.id) as Head
        return { is: found.name === run.name && payload.get(run.id)?.input === run.input ? 'known' : 'conflict', head: found }
      }
      insertPayload.run(run.id, run.input)
      if (lease) takeOne.run(at, lease.worker, lease.ttlMs, run.id)
      return { is: 'started', run: load(run.id) as Run, now: at }
    }),
    claim: ({ worker, ttlMs, names, count }) => written(() => {
      const at = now()
      const places = names.map((_name, index) => `?${index + 5}`).join(', ')
      const taken = count <= 0 || names.length === 0 ? [] : query<{ id: string }>(
        `${TAKE} WHERE id IN (SELECT id FROM runs WHERE name IN (${places}) AND ((${DUE}) OR (${LEFT}))
           ORDER BY priority DESC, coalesce(dueAt, leaseUntil) LIMIT ?4) RETURNING id`,
      ).all(at, worker, ttlMs, count, ...names)
      const next = names.length === 0 ? null : query<{ at: number | null }>(
        `SELECT min(CASE status WHEN 'running' THEN leaseUntil ELSE dueAt END) AS at FROM runs WHERE name IN (${names.map(() => '?').join(', ')})
           AND status IN ('ready', 'waiting', 'running') AND (owner IS NULL OR owner <> ?)`,
      ).get(...names, worker)
      return { runs: taken.map(({ id }) => load(id) as Run), now: at, nextAt: next?.at ?? null }
    }),
    append: (given) => written(() => append(given)),
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
      const { changes } = insertRun.run(as, from.name, from.version, from.priority, at, null, null, from.principal, from.traceparent, at, count)
      if (changes === 0) return undefined
      insertPayload.run(as, text.input)
      copy.run(id, as, count)
      return headOf(as)
    }),
    purge: (endedBefore, limit) => written(() => {
      const gone = old.all(endedBefore, limit)
      for (const sql of removals) for (const { id } of gone) query(sql).run(id)
      return gone.length
    }),
    close: async () => database.close(),
  }
}
