/// <reference path="../modules.d.ts" />
/**
 * Statements to a PostgreSQL, by Bun's own client. Each is a transaction of its own, and nothing of a session is relied
 * on, so a pooler that gives connections to transactions may stand between.
 */
import { SQL, type SQLClient } from 'bun'
import { CONNECT_MS, inTime, unavailable } from '../patience.ts'
import type { Place } from '../place.ts'

type Value = string | number | boolean | null

export interface Client {
  run<Row>(sql: string, ...values: Value[]): Promise<readonly Row[]>
  /** Needs a session, which a pooler may not give. Returns its end. */
  listen(channel: string, heard: (payload: string) => void): Promise<() => Promise<void>>
  close(): Promise<void>
}

const CONNECTIONS = 4

/** The server's own words are the operator's business: a statement that is wrong is ours. */
const isFaultOfServer = (error: unknown): boolean => {
  const { code, errno } = error as { code?: string; errno?: string }
  // https://www.postgresql.org/docs/current/errcodes-appendix.html: connection, resources, operator's intervention, system
  return errno === undefined ? code?.startsWith('ERR_POSTGRES_') !== false : /^(08|53|57|58|25006)/.test(String(errno))
}

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
    listen: async (channel, heard) => {
      const subscription = await inTime(sql.listen(channel, heard), () => undefined, CONNECT_MS)
      return () => subscription.unlisten()
    },
    close: () => sql.close({ timeout: 0 }),
  }
}
