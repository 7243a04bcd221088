/** Jobs in SQLite. Knows rows and leases; runs nothing. */
import type { Message } from '../../queue/message.ts'
import { inGroups } from '../groups.ts'
import { REMEMBERED_MS, type Claimed, type Jobs } from '../jobs.ts'
import type { Databases } from './database.ts'

interface Row {
  readonly seq: number
  readonly id: string
  readonly body: string
  readonly is_named: number
  readonly attempt: number
}

/** How often to look whether another process has written. */
const LOOK_MS = 200
/** An id that is remembered only makes room. */
const REPLACE = `ON CONFLICT (queue, id) DO UPDATE SET
  body = excluded.body, added_ms = excluded.added_ms, due_ms = excluded.due_ms, attempt = 0, state = 0`
const MINE = 'WHERE seq = ? AND owner = ? AND attempt = ?'

export const createJobs = ({ durable, quick }: Databases, owner: string, now: () => number = Date.now): Jobs => {
  const insert = durable.query(
    `INSERT INTO jobs (queue, id, body, is_named, added_ms, due_ms) VALUES (?, ?, ?, ?, ?, ?)
     ${REPLACE} WHERE state > 0 AND jobs.due_ms <= excluded.added_ms`,
  )
  const write = durable.transaction((given: readonly { queue: string; message: Message }[]) => {
    for (const { queue, message: { id, text, isNamed, delayMs } } of given) {
      insert.run(queue, id, text, isNamed ? 1 : 0, now(), now() + delayMs)
    }
  })
  const add = inGroups((given: readonly { queue: string; message: Message }[]) => {
    write.immediate(given)
    return []
  }, { most: Number.POSITIVE_INFINITY, atOnce: 1 })
  const claim = quick.query<Row>(
    `UPDATE jobs SET attempt = attempt + 1, owner = ?1, due_ms = ?2 + ?3 WHERE seq IN (
       SELECT seq FROM jobs WHERE queue = ?4 AND state = 0 AND due_ms <= ?2 ORDER BY due_ms, seq LIMIT ?5
     ) RETURNING seq, id, body, is_named, attempt`,
  )
  const renew = quick.query('UPDATE jobs SET due_ms = ? WHERE owner = ? AND queue = ? AND state = 0')
  const remove = quick.query(`DELETE FROM jobs ${MINE}`)
  const end = quick.query(`UPDATE jobs SET state = ?, due_ms = ?, owner = NULL, body = ? ${MINE}`)
  const again = quick.query(`UPDATE jobs SET due_ms = ?, owner = NULL, attempt = attempt - ? ${MINE}`)
  const copy = quick.query(
    `INSERT INTO jobs (queue, id, body, is_named, added_ms, due_ms) SELECT ?, id, body, is_named, added_ms, ? FROM jobs ${MINE}
     ${REPLACE} WHERE state > 0`,
  )
  const due = quick.query<{ at: number | null }>('SELECT min(due_ms) AS at FROM jobs WHERE queue = ? AND state = 0')
  const count = quick.query<{ count: number }>('SELECT count(*) AS count FROM jobs WHERE queue = ? AND state = 0')
  const dataVersion = quick.query<{ data_version: number }>('PRAGMA data_version')
  const release = quick.query('UPDATE jobs SET owner = NULL, due_ms = ?, attempt = attempt - 1 WHERE owner = ?')
  const forget = quick.query('DELETE FROM jobs WHERE state = 1 AND due_ms <= ?')

  const mine = ({ key, attempt }: Claimed) => [Number(key), owner, attempt] as const
  const finish = (job: Claimed): boolean =>
    (job.isNamed ? end.run(1, now() + REMEMBERED_MS, '', ...mine(job)) : remove.run(...mine(job))).changes > 0
  const move = quick.transaction((job: Claimed, deadLetters: string) => {
    copy.run(deadLetters, now(), ...mine(job))
    return finish(job)
  })

  return {
    add: async (queue, message) => void (await add({ queue, message })),
    claim: async (queue, most, leaseMs) =>
      claim.all(owner, now(), leaseMs, queue, most).sort((a, b) => a.seq - b.seq)
        .map(({ seq, id, body, is_named, attempt }) => ({ queue, key: String(seq), id, body, isNamed: is_named === 1, attempt })),
    renew: async (queue, leaseMs) => void renew.run(now() + leaseMs, owner, queue),
    done: async (job) => finish(job),
    retry: async (job, delayMs) => again.run(now() + delayMs, 0, ...mine(job)).changes > 0,
    putBack: async (job, delayMs) => again.run(now() + delayMs, 1, ...mine(job)).changes > 0,
    giveUp: async (job, deadLetters) => {
      if (deadLetters === undefined) return end.run(2, now() + REMEMBERED_MS, job.body, ...mine(job)).changes > 0
      return move.immediate(job, deadLetters)
    },
    dueIn: async (queues) => new Map(queues.flatMap((queue) => {
      const at = due.get(queue)?.at ?? undefined
      return at === undefined ? [] : [[queue, at - now()]]
    })),
    waiting: async (queue) => count.get(queue)?.count ?? 0,
    release: async () => release.run(now(), owner).changes,
    forget: async () => void forget.run(now()),
    watch: (changed) => {
      let version: number | undefined
      const timer = setInterval(() => {
        try {
          const moved = dataVersion.get()?.data_version
          if (moved !== version) changed()
          version = moved
        } catch {
          // whoever looks then is told the same
          changed()
        }
      }, LOOK_MS)
      return () => clearInterval(timer)
    },
  }
}
