/** Messages between processes that share a PostgreSQL: by NOTIFY, and through a table what is too long for one. */
import { toBytes } from '../../core/text.ts'
import type { Connect } from '../bus.ts'
import { inGroups } from '../groups.ts'
import type { Place } from '../place.ts'
import { connect } from './client.ts'
import { CLOCK } from './jobs.ts'
import { nameOf, prepare } from './schema.ts'

/** NOTIFY takes fewer than 8000 bytes. */
const LONGEST = 7900
/** In a table, a message is there for long enough that whoever was told of it has read it. */
const KEPT_MS = 60_000
const HEARD_MS = 5000
const KEPT = '#'
const PROBE = '?'

export const carrier = (place: Place, project: string): Connect => async (receive) => {
  const client = connect(place, 2)
  try {
    const table = `${await prepare(client, project)}.messages`
    const channel = `${await nameOf(project)}_bus`
    const probe = `${PROBE}${crypto.randomUUID()}`
    const probed = Promise.withResolvers<void>()
    // one after the other, so that what must be fetched isn't overtaken
    let last = Promise.resolve()
    const hear = async (text: string): Promise<void> => {
      if (text.startsWith(PROBE)) return text === probe ? probed.resolve() : undefined
      if (!text.startsWith(KEPT)) return receive(text)
      const [row] = await client.run<{ body: string }>(`SELECT body FROM ${table} WHERE id = $1::text::bigint`, text.slice(1))
      if (row) receive(row.body)
    }
    const listen = () => client.listen(channel, (text) => { last = last.then(() => hear(text)).catch(() => undefined) })
    let end = await listen()
    await client.run('SELECT pg_notify($1, $2)', channel, probe)
    const isHeard = await Promise.race([probed.promise.then(() => true), new Promise<false>((resolve) => setTimeout(() => resolve(false), HEARD_MS))])
    if (!isHeard) throw new Error('what is sent to a channel isn\'t heard: LISTEN needs a connection past a pooler of transactions')

    const long = `WITH old AS (DELETE FROM ${table} WHERE sent_ms < ${CLOCK} - ${KEPT_MS}),
      kept AS (INSERT INTO ${table} (sent_ms, body) VALUES (${CLOCK}, $2) RETURNING id)
      SELECT pg_notify($1, '${KEPT}' || id) FROM kept`
    const short = 'SELECT pg_notify($1, text) FROM json_array_elements_text($2::text::json) AS given (text)'
    const isLong = (text: string): boolean => toBytes(text).length > LONGEST
    // one group after the other, for their order
    const send = inGroups(async (texts: readonly string[]) => {
      for (let from = 0; from < texts.length;) {
        const first = texts[from] ?? ''
        if (isLong(first)) {
          await client.run(long, channel, first)
          from += 1
          continue
        }
        const next = texts.findIndex((text, index) => index > from && isLong(text))
        const until = next < 0 ? texts.length : next
        await client.run(short, channel, JSON.stringify(texts.slice(from, until)))
        from = until
      }
      return []
    }, { most: 100, atOnce: 1 })
    return {
      send: async (text) => void (await send(text)),
      renew: async () => {
        // which may hang as long as its connection does
        void end().catch(() => undefined)
        end = await listen()
      },
      close: async () => {
        await end().catch(() => undefined)
        await client.close()
      },
    }
  } catch (error) {
    await client.close()
    throw error
  }
}
