/** Jobs in SQLite. Knows rows and leases; runs nothing. Times are milliseconds of the clock that all processes share. */
import type { Message } from '../queue/message.ts'
import type { Store } from './database.ts'

export interface Claimed {
  readonly seq: number
  readonly id: string
  readonly body: string
  readonly is_named: number
  readonly attempt: number
}

export interface Jobs {
  /** Resolves when it is on the disk. */
  add(queue: string, message: Message): Promise<void>
  /** Takes jobs that are due, of which nobody else hears until the lease is over. */
  claim(queue: string, count: number, leaseMs: number): Claimed[]
  /** The lease of all jobs of a queue that this process has. */
  renew(queue: string, leaseMs: number): void
  /** False: the lease was over, and somebody else has it. */
  done(job: Claimed): boolean
  retry(job: Claimed, delayMs: number): boolean
  /** As `retry`, for an attempt that doesn't count: the worker itself could not be had. */
  putBack(job: Claimed, delayMs: number): boolean
  giveUp(job: Claimed, deadLetters: string | undefined): boolean
  /** When the next job of a queue is due, or the lease of one is over. */
  nextDue(queue: string): number | undefined
  waiting(queue: string): number
  /** Moves when another connection has written. */
  version(): number
  /** Puts back what this process has, as if it had not been tried. */
  release(): number
  /** Forgets ids whose day is over. */
  forget(): void
}

const REMEMBERED_MS = 86_400_000

/** Written together: what is added while the disk is busy waits for the next turn, and shares its flush. */
const inGroups = (write: (works: readonly (() => void)[]) => void): ((work: () => void) => Promise<void>) => {
  let pending: { work: () => void; resolve(): void; reject(error: unknown): void }[] = []
  const flush = (): void => {
    const group = pending
    pending = []
    try {
      write(group.map(({ work }) => work))
      for (const { resolve } of group) resolve()
    } catch (error) {
      for (const { reject } of group) reject(error)
    }
  }
  return (work) => new Promise((resolve, reject) => {
    if (pending.length === 0) setImmediate(flush)
    pending.push({ work, resolve, reject })
  })
}

declare const setImmediate: (work: () => void) => unknown

/** An id that is remembered only makes room. */
const REPLACE = `ON CONFLICT (queue, id) DO UPDATE SET
  body = excluded.body, added_ms = excluded.added_ms, due_ms = excluded.due_ms, attempt = 0, state = 0`
const MINE = 'WHERE seq = ? AND owner = ? AND attempt = ?'

export const createJobs = ({ durable, quick }: Store, owner: string, now: () => number = Date.now): Jobs => {
  const insert = durable.query(
    `INSERT INTO jobs (queue, id, body, is_named, added_ms, due_ms) VALUES (?, ?, ?, ?, ?, ?)
     ${REPLACE} WHERE state > 0 AND jobs.due_ms <= excluded.added_ms`,
  )
  const together = inGroups((works) => durable.transaction(() => { for (const work of works) work() }).immediate())
  const claim = quick.query<Claimed>(
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

  const mine = ({ seq, attempt }: Claimed) => [seq, owner, attempt] as const
  const finish = (job: Claimed): boolean =>
    (job.is_named ? end.run(1, now() + REMEMBERED_MS, '', ...mine(job)) : remove.run(...mine(job))).changes > 0

  return {
    add: (queue, { id, text, isNamed, delayMs }) =>
      together(() => void insert.run(queue, id, text, isNamed ? 1 : 0, now(), now() + delayMs)),
    claim: (queue, most, leaseMs) => claim.all(owner, now(), leaseMs, queue, most).sort((a, b) => a.seq - b.seq),
    renew: (queue, leaseMs) => void renew.run(now() + leaseMs, owner, queue),
    done: finish,
    retry: (job, delayMs) => again.run(now() + delayMs, 0, ...mine(job)).changes > 0,
    putBack: (job, delayMs) => again.run(now() + delayMs, 1, ...mine(job)).changes > 0,
    giveUp: (job, deadLetters) => {
      if (deadLetters === undefined) return end.run(2, now() + REMEMBERED_MS, job.body, ...mine(job)).changes > 0
      return quick.transaction(() => {
        copy.run(deadLetters, now(), ...mine(job))
        return finish(job)
      }).immediate()
    },
    nextDue: (queue) => due.get(queue)?.at ?? undefined,
    waiting: (queue) => count.get(queue)?.count ?? 0,
    version: () => dataVersion.get()?.data_version ?? 0,
    release: () => release.run(now(), owner).changes,
    forget: () => void forget.run(now()),
  }
}
