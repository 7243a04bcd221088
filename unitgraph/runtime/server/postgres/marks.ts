/** Marks in PostgreSQL: rows of ended jobs of no queue, which are forgotten like those. */
import type { Marks } from '../marks.ts'
import type { Client } from './client.ts'
import { CLOCK } from './jobs.ts'

export const createMarks = (client: Client, schema: string, clock = CLOCK): Marks => {
  const put = (where: string): string => `INSERT INTO ${schema}.jobs AS jobs (queue, id, body, is_named, added_ms, due_ms, state)
    SELECT '', $1, $2, true, ms, ms + $3, 1 FROM (SELECT ${clock} AS ms) AS clock
    ON CONFLICT (queue, id) DO UPDATE SET body = excluded.body, added_ms = excluded.added_ms, due_ms = excluded.due_ms ${where}`
  return {
    first: async (key, text, forMs) => {
      await client.run(put('WHERE jobs.due_ms <= excluded.added_ms'), key, text, forMs)
      const [known] = await client.run<{ body: string }>(`SELECT body FROM ${schema}.jobs WHERE queue = '' AND id = $1`, key)
      return known?.body ?? text
    },
    set: async (key, text, forMs) => void (await client.run(put(''), key, text, forMs)),
  }
}
