/** Marks in SQLite: rows of ended jobs of no queue, which are forgotten like those. */
import type { Marks } from '../marks.ts'
import type { Databases } from './database.ts'

export const createMarks = ({ durable }: Databases, now: () => number = Date.now): Marks => {
  const put = (where: string) => durable.query(
    `INSERT INTO jobs (queue, id, body, is_named, added_ms, due_ms, state) VALUES ('', ?, ?, 1, ?, ?, 1)
     ON CONFLICT (queue, id) DO UPDATE SET body = excluded.body, added_ms = excluded.added_ms, due_ms = excluded.due_ms ${where}`,
  )
  const [first, set] = [put('WHERE jobs.due_ms <= excluded.added_ms'), put('')]
  const get = durable.query<{ body: string }>('SELECT body FROM jobs WHERE queue = \'\' AND id = ?')
  return {
    first: async (key, text, forMs) => {
      first.run(key, text, now(), now() + forMs)
      return get.get(key)?.body ?? text
    },
    set: async (key, text, forMs) => void set.run(key, text, now(), now() + forMs),
  }
}
