/** Which times of a task were run, in PostgreSQL, by the server's clock. Runs nothing. */
import type { Ticks } from '../ticks.ts'
import type { Client } from './client.ts'
import { CLOCK } from './jobs.ts'

export const createTicks = (client: Client, schema: string, clock = CLOCK): Ticks => {
  const table = `${schema}.ticks`
  const has = async (sql: string, ...values: (string | number | boolean)[]): Promise<boolean> =>
    (await client.run(sql, ...values)).length > 0
  const lease = (task: string, at: number, text: string, ms: number): Promise<unknown> =>
    client.run(`UPDATE ${table} SET lease_ms = ${text} WHERE task = $1 AND at_ms = $2`, task, at, ms)
  return {
    now: async () => (await client.run<{ ms: number }>(`SELECT (${clock})::float8 AS ms`))[0]?.ms ?? 0,
    know: async (task, at) =>
      void (await client.run(`INSERT INTO ${table} (task, at_ms) VALUES ($1, $2) ON CONFLICT (task) DO NOTHING`, task, at)),
    last: async (task) =>
      (await client.run<{ ms: number }>(`SELECT at_ms::float8 AS ms FROM ${table} WHERE task = $1`, task))[0]?.ms ?? 0,
    take: (task, at, leaseMs, alone) => has(
      `UPDATE ${table} SET at_ms = $2, lease_ms = ${clock} + $3
       WHERE task = $1 AND at_ms < $2 AND (NOT $4 OR lease_ms <= ${clock}) RETURNING task`, task, at, leaseMs, alone),
    renew: async (task, at, leaseMs) => void (await lease(task, at, `${clock} + $3`, leaseMs)),
    ended: async (task, at) => void (await lease(task, at, '$3', 0)),
    takeOver: async (task, leaseMs) => (await client.run<{ ms: number }>(
      `UPDATE ${table} SET lease_ms = ${clock} + $2 WHERE task = $1 AND lease_ms > 0 AND lease_ms <= ${clock}
       RETURNING at_ms::float8 AS ms`, task, leaseMs))[0]?.ms,
  }
}
