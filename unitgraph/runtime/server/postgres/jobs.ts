/**
 * Jobs in PostgreSQL: one statement an operation, conditional on who has the job and since when. The clock is the
 * server's. Knows rows and leases; runs nothing.
 */
import type { Message } from '../../queue/message.ts'
import { inGroups } from '../groups.ts'
import { REMEMBERED_MS, type Claimed, type Jobs } from '../jobs.ts'
import type { Client } from './client.ts'

export const CLOCK = '(extract(epoch FROM clock_timestamp()) * 1000)::bigint'

interface Row {
  readonly seq: string
  readonly id: string
  readonly body: string
  readonly is_named: boolean
  readonly attempt: number
}

interface Given {
  readonly queue: string
  readonly message: Message
}

/** A hint may be lost, and a pooler gives none: so often one looks without. */
const LOOK_MS = 1000
/** A hint for each addition would be one too many: NOTIFY has one queue for all databases of a server. */
const HINT_MS = 20

/** `schema` is quoted; `channel` is what hints come on. */
export const createJobs = (client: Client, schema: string, channel: string, owner: string, clock = CLOCK): Jobs => {
  const table = `${schema}.jobs`
  const now = `clock AS MATERIALIZED (SELECT ${clock} AS ms)`
  const replace = `ON CONFLICT (queue, id) DO UPDATE SET body = excluded.body, is_named = excluded.is_named,
    added_ms = excluded.added_ms, due_ms = excluded.due_ms, attempt = 0, state = 0, owner = NULL`
  const sql = {
    add: `WITH ${now}
      INSERT INTO ${table} AS jobs (queue, id, body, is_named, added_ms, due_ms)
      SELECT queue, id, body, named, ms, ms + delay FROM clock,
        json_to_recordset($1::text::json) AS given (queue text, id text, body text, named boolean, delay bigint)
      ${replace} WHERE jobs.state > 0 AND jobs.due_ms <= excluded.added_ms`,
    claim: `WITH ${now}, due AS MATERIALIZED (
        SELECT seq FROM ${table} WHERE queue = $1 AND state = 0 AND due_ms <= (SELECT ms FROM clock)
        ORDER BY due_ms, seq LIMIT $2 FOR UPDATE SKIP LOCKED
      ) UPDATE ${table} AS jobs SET attempt = attempt + 1, owner = $3, due_ms = ms + $4
      FROM due, clock WHERE jobs.seq = due.seq RETURNING jobs.seq::text, id, body, is_named, attempt`,
    renew: `WITH ${now} UPDATE ${table} SET due_ms = ms + $1 FROM clock
      WHERE seq = ANY ($2::text::bigint[]) AND owner = $3 AND state = 0`,
    done: `WITH ${now}, mine AS MATERIALIZED (
        SELECT jobs.seq, is_named FROM ${table} AS jobs,
          json_to_recordset($1::text::json) AS given (seq bigint, attempt int)
        WHERE jobs.seq = given.seq AND owner = $2 AND jobs.attempt = given.attempt ORDER BY jobs.seq FOR UPDATE OF jobs
      ), removed AS (DELETE FROM ${table} AS jobs USING mine WHERE jobs.seq = mine.seq AND NOT mine.is_named),
      ended AS (UPDATE ${table} AS jobs SET state = 1, due_ms = ms + ${REMEMBERED_MS}, owner = NULL, body = ''
        FROM mine, clock WHERE jobs.seq = mine.seq AND mine.is_named)
      SELECT seq::text FROM mine`,
    again: `WITH ${now} UPDATE ${table} SET due_ms = ms + $1, owner = NULL, attempt = attempt - $2 FROM clock
      WHERE seq = $3 AND owner = $4 AND attempt = $5 RETURNING seq::text`,
    keep: `WITH ${now} UPDATE ${table} SET state = 2, due_ms = ms + ${REMEMBERED_MS}, owner = NULL FROM clock
      WHERE seq = $1 AND owner = $2 AND attempt = $3 RETURNING seq::text`,
    bury: `WITH ${now}, mine AS MATERIALIZED (
        SELECT * FROM ${table} WHERE seq = $1 AND owner = $2 AND attempt = $3 FOR UPDATE
      ), copied AS (INSERT INTO ${table} AS jobs (queue, id, body, is_named, added_ms, due_ms)
        SELECT $4, id, body, is_named, added_ms, ms FROM mine, clock ${replace} WHERE jobs.state > 0),
      removed AS (DELETE FROM ${table} AS jobs USING mine WHERE jobs.seq = mine.seq AND NOT mine.is_named),
      ended AS (UPDATE ${table} AS jobs SET state = 1, due_ms = ms + ${REMEMBERED_MS}, owner = NULL, body = ''
        FROM mine, clock WHERE jobs.seq = mine.seq AND mine.is_named)
      SELECT seq::text FROM mine`,
    due: `WITH ${now} SELECT given.queue, (due_ms - ms)::float8 AS ms FROM clock,
      json_array_elements_text($1::text::json) AS given (queue),
      LATERAL (SELECT due_ms FROM ${table} AS jobs WHERE jobs.queue = given.queue AND state = 0 ORDER BY due_ms LIMIT 1) AS next`,
    waiting: `SELECT count(*)::int AS count FROM ${table} WHERE queue = $1 AND state = 0`,
    release: `WITH ${now} UPDATE ${table} SET owner = NULL, due_ms = ms, attempt = attempt - 1 FROM clock
      WHERE seq = ANY ($1::text::bigint[]) AND owner = $2 AND state = 0 RETURNING seq::text`,
    forget: `DELETE FROM ${table} WHERE state = 1 AND due_ms <= ${clock}`,
    hint: 'SELECT pg_notify($1, $2)',
  }

  /** What this process has, so that nothing need be kept about who has what but in the rows themselves. */
  const had = new Map<string, Claimed>()
  const list = (keys: Iterable<string>): string => `{${[...keys].join(',')}}`

  const add = inGroups(async (given: readonly Given[]) => {
    // an id that is there twice is once enough, and in an order which is the same for all who add at once
    const named = new Map(given.toReversed().filter(({ message }) => message.isNamed).map((one) => [`${one.queue}\n${one.message.id}`, one]))
    const ordered = [...named].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, one]) => one)
    const rows = [...given.filter(({ message }) => !message.isNamed), ...ordered].map(
      ({ queue, message: { id, text, isNamed, delayMs } }) => ({ queue, id, body: text, named: isNamed, delay: delayMs }),
    )
    await client.run(sql.add, JSON.stringify(rows))
    hint()
    return []
  }, { most: 100, atOnce: 2 })

  const done = inGroups(async (given: readonly Claimed[]) => {
    const rows = given.map(({ key, attempt }) => ({ seq: key, attempt }))
    const ended = new Set((await client.run<{ seq: string }>(sql.done, JSON.stringify(rows), owner)).map(({ seq }) => seq))
    return given.map(({ key }) => ended.has(key))
  }, { most: 500, atOnce: 2 })

  let hinting: ReturnType<typeof setTimeout> | undefined
  const hint = (): void => {
    hinting ??= setTimeout(() => {
      hinting = undefined
      client.run(sql.hint, channel, owner).catch(() => undefined)
    }, HINT_MS)
  }

  /** Which is then somebody else's, or nobody's. */
  const settled = async (job: Claimed, work: Promise<boolean>): Promise<boolean> => {
    const isMine = await work
    if (had.get(job.key) === job) had.delete(job.key)
    return isMine
  }
  const changes = async (text: string, ...values: (string | number)[]): Promise<boolean> =>
    (await client.run(text, ...values)).length > 0

  return {
    add: async (queue, message) => void (await add({ queue, message })),
    claim: async (queue, most, leaseMs) => {
      const rows = await client.run<Row>(sql.claim, queue, most, owner, leaseMs)
      const jobs = rows.toSorted((a, b) => Number(a.seq) - Number(b.seq))
        .map(({ seq, id, body, is_named, attempt }) => ({ queue, key: seq, id, body, isNamed: is_named, attempt }))
      for (const job of jobs) had.set(job.key, job)
      return jobs
    },
    renew: async (queue, leaseMs) => {
      const keys = [...had.values()].filter((job) => job.queue === queue).map(({ key }) => key)
      if (keys.length > 0) await client.run(sql.renew, leaseMs, list(keys), owner)
    },
    done: (job) => settled(job, done(job)),
    retry: (job, delayMs) => settled(job, changes(sql.again, delayMs, 0, job.key, owner, job.attempt)),
    putBack: (job, delayMs) => settled(job, changes(sql.again, delayMs, 1, job.key, owner, job.attempt)),
    giveUp: (job, deadLetters) => settled(job, deadLetters === undefined
      ? changes(sql.keep, job.key, owner, job.attempt)
      : changes(sql.bury, job.key, owner, job.attempt, deadLetters).then((isMine) => {
        hint()
        return isMine
      })),
    dueIn: async (queues) => {
      const rows = await client.run<{ queue: string; ms: number }>(sql.due, JSON.stringify(queues))
      return new Map(rows.map(({ queue, ms }) => [queue, ms]))
    },
    waiting: async (queue) => (await client.run<{ count: number }>(sql.waiting, queue))[0]?.count ?? 0,
    release: async () => {
      const keys = list(had.keys())
      if (had.size === 0) return 0
      had.clear()
      return (await client.run(sql.release, keys, owner)).length
    },
    forget: async () => void (await client.run(sql.forget)),
    watch: (changed) => {
      const timer = setInterval(changed, LOOK_MS)
      const heard = (from: string): void => { if (from !== owner) changed() }
      // through a pooler, nothing is heard; where it can't be asked for, one looks each second
      const listening = client.listen(channel, heard).catch(() => undefined)
      return () => {
        clearInterval(timer)
        clearTimeout(hinting)
        void listening.then((end) => end?.()).catch(() => undefined)
      }
    },
  }
}
