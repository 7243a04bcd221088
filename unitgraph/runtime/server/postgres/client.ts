/// <reference path="../modules.d.ts" />
/**
 * Statements to a PostgreSQL, by Bun's own client. Each is a transaction of its own, and nothing of a session is relied
 * on, so a pooler that gives connections to transactions may stand between.
 */
import { SQL, type SQLClient } from 'bun'
import { CONNECT_MS, inTime, unavailable } from '../patience.ts'
import type { Place } from '../place.ts'
import { isFaultOfServer } from '../../workflow/sql.ts'

type Value = string | number | boolean | null

export interface Done<Row> {
  readonly rows: readonly Row[]
  /** How many rows it gave or changed. */
  readonly count: number
}

export interface Client {
  run<Row>(sql: string, ...values: Value[]): Promise<readonly Row[]>
  /** All of them or none, after what begins a transaction. */
  transaction<Row>(begin: string, statements: readonly (readonly [sql: string, ...values: Value[]])[]): Promise<readonly Done<Row>[]>
  /** Needs a session, which a pooler may not give. Returns its end. */
  listen(channel: string, heard: (payload: string) => void): Promise<() => Promise<void>>
  close(): Promise<void>
}

const CONNECTIONS = 4

/** `most`: how many connections at once, besides one for each channel that is listened to. */
export const connect = ({ url }: Place, most = CONNECTIONS): Client => {
  const open = (): SQLClient => new SQL(url.href, {
    max: most, prepare: false, bigint: false, connectionTimeout: CONNECT_MS / 1000, idleTimeout: 0,
    connection: { application_name: 'unitgraph' },
  })
  let sql = open()
  const drop = (late: SQLClient): void => {
    if (sql === late) sql = open()
    void late.close({ timeout: 0 }).catch(() => undefined)
  }
  return {
    run: async <Row>(text: string, ...values: Value[]) => {
      const used = sql
      try {
        return await inTime(used.unsafe<Row>(text, ...(values.length > 0 ? [values] : [])), () => drop(used))
      } catch (error) {
        throw isFaultOfServer(error) ? unavailable(error) : error
      }
    },
    transaction: async <Row>(begin: string, statements: readonly (readonly [sql: string, ...values: Value[]])[]) => {
      const used = sql
      const work = async (): Promise<readonly Done<Row>[]> => {
        const one = await used.reserve()
        try {
          await one.unsafe(begin)
          const done: Done<Row>[] = []
          for (const [text, ...values] of statements) {
            const rows = await one.unsafe<Row>(text, values)
            done.push({ rows: [...rows], count: (rows as unknown as { count: number | null }).count ?? rows.length })
          }
          await one.unsafe('COMMIT')
          return done
        } catch (error) {
          await one.unsafe('ROLLBACK').catch(() => undefined)
          throw error
        } finally {
          one.release()
        }
      }
      try {
        return await inTime(work(), () => drop(used))
      } catch (error) {
        throw isFaultOfServer(error) ? unavailable(error) : error
      }
    },
    listen: async (channel, heard) => {
      const subscription = await inTime(sql.listen(channel, heard), () => undefined, CONNECT_MS)
      return () => subscription.unlisten()
    },
    close: () => sql.close({ timeout: 0 }),
  }
}
