/** Which times of a task were run, in SQLite, for all processes that share it. Runs nothing. */
import type { Store } from './database.ts'

export interface Ticks {
  /** The task is known from now on: what lies before it was never missed. */
  know(task: string, atMs: number): void
  /** The last time that was run. */
  last(task: string): number
  /** True for one process a time; with `alone` for none while an earlier time still runs. */
  take(task: string, atMs: number, leaseMs: number, alone: boolean): boolean
  renew(task: string, atMs: number, leaseMs: number): void
  ended(task: string, atMs: number): void
  /** The time of a run that whoever had it didn't end: true for one process. */
  takeOver(task: string, leaseMs: number): number | undefined
}

export const createTicks = ({ quick }: Store, now: () => number = Date.now): Ticks => {
  const know = quick.query('INSERT INTO ticks (task, at_ms) VALUES (?, ?) ON CONFLICT (task) DO NOTHING')
  const last = quick.query<{ at_ms: number }>('SELECT at_ms FROM ticks WHERE task = ?')
  const take = quick.query(
    'UPDATE ticks SET at_ms = ?1, lease_ms = ?2 WHERE task = ?3 AND at_ms < ?1 AND (?4 = 0 OR lease_ms <= ?5)',
  )
  const renew = quick.query('UPDATE ticks SET lease_ms = ? WHERE task = ? AND at_ms = ?')
  const takeOver = quick.query<{ at_ms: number }>(
    'UPDATE ticks SET lease_ms = ? WHERE task = ? AND lease_ms > 0 AND lease_ms <= ? RETURNING at_ms',
  )
  return {
    know: (task, at) => void know.run(task, at),
    last: (task) => last.get(task)?.at_ms ?? 0,
    take: (task, at, lease, alone) => take.run(at, now() + lease, task, alone ? 1 : 0, now()).changes > 0,
    renew: (task, at, lease) => void renew.run(now() + lease, task, at),
    ended: (task, at) => void renew.run(0, task, at),
    takeOver: (task, lease) => takeOver.get(now() + lease, task, now())?.at_ms,
  }
}
