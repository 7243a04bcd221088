/** Threads and runs in SQL that SQLite, D1 and PostgreSQL all know; `?` stands for a value. Knows no database. */
import type { ModelMessage } from 'ai'
import type { AgentStore, Kept, Owned, Run, RunStatus, Thread } from './store.ts'

export type Value = string | number | null
export type Statement = readonly [sql: string, ...values: Value[]]
export type Row = Readonly<Record<string, Value>>

export interface Done {
  readonly rows: readonly Row[]
  readonly changes: number
}

/** Does all statements or none, in their order. */
export type Batch = (statements: readonly Statement[]) => Promise<readonly Done[]>

export const TABLES: readonly string[] = [
  `CREATE TABLE IF NOT EXISTS agent_threads (
    agent TEXT NOT NULL, owner TEXT NOT NULL, id TEXT NOT NULL, resource_id TEXT, title TEXT NOT NULL,
    created_ms BIGINT NOT NULL, updated_ms BIGINT NOT NULL, summary TEXT, summary_seq BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (agent, owner, id))`,
  'CREATE INDEX IF NOT EXISTS agent_threads_used ON agent_threads (agent, owner, updated_ms)',
  `CREATE TABLE IF NOT EXISTS agent_messages (
    agent TEXT NOT NULL, owner TEXT NOT NULL, thread_id TEXT NOT NULL, seq BIGINT NOT NULL, body TEXT NOT NULL,
    created_ms BIGINT NOT NULL, PRIMARY KEY (agent, owner, thread_id, seq))`,
  `CREATE TABLE IF NOT EXISTS agent_runs (
    id TEXT PRIMARY KEY, agent TEXT NOT NULL, owner TEXT NOT NULL, thread_id TEXT NOT NULL, status TEXT NOT NULL,
    version BIGINT NOT NULL, lease_ms BIGINT NOT NULL, expires_ms BIGINT, state TEXT NOT NULL,
    updated_ms BIGINT NOT NULL)`,
  'CREATE INDEX IF NOT EXISTS agent_runs_of_thread ON agent_runs (agent, owner, thread_id)',
  'CREATE INDEX IF NOT EXISTS agent_runs_used ON agent_runs (updated_ms)',
]

/** How long a run is kept after its last change. */
export const KEPT_MS = 30 * 86_400_000

const threadOf = (row: Row): Thread => ({
  id: String(row['id']),
  resourceId: row['resource_id'] === null ? null : String(row['resource_id']),
  title: String(row['title']),
  createdMs: Number(row['created_ms']),
  updatedMs: Number(row['updated_ms']),
  summary: row['summary'] === null ? null : String(row['summary']),
  summarySeq: Number(row['summary_seq']),
})

const runOf = (row: Row): Run => ({
  id: String(row['id']),
  agent: String(row['agent']),
  owner: String(row['owner']),
  threadId: String(row['thread_id']),
  status: String(row['status']) as RunStatus,
  version: Number(row['version']),
  leaseMs: Number(row['lease_ms']),
  expiresMs: row['expires_ms'] == null ? null : Number(row['expires_ms']),
  state: String(row['state']),
  updatedMs: Number(row['updated_ms']),
})

const OF_THREAD = 'agent = ? AND owner = ? AND thread_id = ?'

/**
 * `begin` makes the tables, once. `lock` is what a SELECT ends with that keeps others from its rows until the batch is
 * done, where batches don't go one after the other anyway.
 */
export const sqlStore = (batch: Batch, begin: () => Promise<unknown>, now: () => number = Date.now, lock = ''): AgentStore => {
  const all = async (statements: readonly Statement[]): Promise<readonly Done[]> => {
    await begin()
    return batch(statements)
  }
  const rows = async (...statement: Statement): Promise<readonly Row[]> => (await all([statement]))[0]?.rows ?? []
  const change = async (...statement: Statement): Promise<boolean> => ((await all([statement]))[0]?.changes ?? 0) > 0
  const ids = ({ agent, owner }: Owned): [string, string] => [agent, owner]
  /** Whoever changes what is in a thread does so alone. */
  const alone = (of: Owned, id: string): Statement[] =>
    (lock === '' ? [] : [[`SELECT 1 FROM agent_threads WHERE agent = ? AND owner = ? AND id = ?${lock}`, ...ids(of), id]])
  return {
    openThread: async (of, { id, resourceId, title }) => {
      await change(
        `INSERT INTO agent_threads (agent, owner, id, resource_id, title, created_ms, updated_ms)
         VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
        ...ids(of), id, resourceId, title, now(), now(),
      )
    },
    thread: async (of, id) => {
      const [row] = await rows('SELECT * FROM agent_threads WHERE agent = ? AND owner = ? AND id = ?', ...ids(of), id)
      return row && threadOf(row)
    },
    threads: async (of, resourceId, most) => {
      const [which, given] = resourceId === undefined ? ['', []] : [' AND resource_id = ?', [resourceId]]
      const found = await rows(
        `SELECT * FROM agent_threads WHERE agent = ? AND owner = ?${which} ORDER BY updated_ms DESC, id LIMIT ?`,
        ...ids(of), ...given, most,
      )
      return found.map(threadOf)
    },
    deleteThread: async (of, id) => {
      const done = await all([
        ...alone(of, id),
        [`DELETE FROM agent_messages WHERE ${OF_THREAD}`, ...ids(of), id],
        [`DELETE FROM agent_runs WHERE ${OF_THREAD}`, ...ids(of), id],
        ['DELETE FROM agent_threads WHERE agent = ? AND owner = ? AND id = ?', ...ids(of), id],
      ])
      return (done.at(-1)?.changes ?? 0) > 0
    },
    messages: async (of, threadId, afterSeq, most) => {
      const found = await rows(
        `SELECT seq, body, created_ms FROM agent_messages WHERE ${OF_THREAD} AND seq > ? ORDER BY seq DESC LIMIT ?`,
        ...ids(of), threadId, afterSeq, most,
      )
      return found.map((row): Kept => ({
        seq: Number(row['seq']), createdMs: Number(row['created_ms']), message: JSON.parse(String(row['body'])) as ModelMessage,
      })).reverse()
    },
    summarise: async (of, threadId, summary, seq) => {
      await change(
        'UPDATE agent_threads SET summary = ?, summary_seq = ? WHERE agent = ? AND owner = ? AND id = ? AND summary_seq < ?',
        summary, seq, ...ids(of), threadId, seq,
      )
    },
    createRun: async (run) => {
      await all([
        [
          `INSERT INTO agent_runs (id, agent, owner, thread_id, status, version, lease_ms, expires_ms, state, updated_ms)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
          run.id, ...ids(run), run.threadId, run.status, run.version, run.leaseMs, run.expiresMs, run.state, now(),
        ],
        ['DELETE FROM agent_runs WHERE updated_ms < ?', now() - KEPT_MS],
      ])
    },
    run: async (of, id) => {
      const [row] = await rows('SELECT * FROM agent_runs WHERE id = ? AND agent = ? AND owner = ?', id, ...ids(of))
      return row && runOf(row)
    },
    advance: async (run, { status, leaseMs, expiresMs, state }, messages) => {
      const seen: [string, number] = [run.id, run.version]
      const thread: [string, string, string] = [...ids(run), run.threadId]
      const ours = 'EXISTS (SELECT 1 FROM agent_runs WHERE id = ? AND version = ?)'
      const statements: Statement[] = [...alone(run, run.threadId), ...messages.map((message): Statement => [
        `INSERT INTO agent_messages (agent, owner, thread_id, seq, body, created_ms)
         SELECT t.agent, t.owner, t.id,
           1 + COALESCE((SELECT MAX(seq) FROM agent_messages WHERE ${OF_THREAD}), 0), CAST(? AS TEXT), CAST(? AS BIGINT)
         FROM agent_threads t WHERE t.agent = ? AND t.owner = ? AND t.id = ? AND ${ours}`,
        ...thread, JSON.stringify(message), now(), ...thread, ...seen,
      ])]
      if (messages.length > 0) {
        statements.push([
          `UPDATE agent_threads SET updated_ms = ? WHERE agent = ? AND owner = ? AND id = ? AND ${ours}`,
          now(), ...thread, ...seen,
        ])
      }
      statements.push([
        `UPDATE agent_runs SET status = ?, version = version + 1, lease_ms = ?, expires_ms = ?, state = ?, updated_ms = ?
         WHERE id = ? AND version = ?`,
        status, leaseMs, expiresMs, state, now(), ...seen,
      ])
      return ((await all(statements)).at(-1)?.changes ?? 0) > 0
    },
    renew: (run, leaseMs) =>
      change('UPDATE agent_runs SET lease_ms = ? WHERE id = ? AND version = ? AND status = ?', leaseMs, run.id, run.version, 'running'),
  }
}
