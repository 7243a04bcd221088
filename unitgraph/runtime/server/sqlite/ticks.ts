/** Which times of a task were run, in SQLite. Runs nothing. */
import type { Ticks } from '../ticks.ts'
import type { Databases } from './database.ts'

export const createTicks = ({ quick }: Databases, now: () => number = Date.now): Ticks => {
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
    now: async () => now(),
    know: async (task, at) => void know.run(task, at),
    last: async (task) => last.get(task)?.at_ms ?? 0,
    take: async (task, at, lease, alone) => take.run(at, now() + lease, task, alone ? 1 : 0, now()).changes > 0,
    renew: async (task, at, lease) => void renew.run(now() + lease, task, at),
    ended: async (task, at) => void renew.run(0, task, at),
    takeOver: async (task, lease) => takeOver.get(now() + lease, task, now())?.at_ms,
  }
}
