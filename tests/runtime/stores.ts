/**
 * The stores, each with a clock that the test turns: the same statements and scripts, told another time. Servers are
 * those whose URLs the tests are given.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Jobs } from '../../unitgraph/runtime/server/jobs.ts'
import type { Marks } from '../../unitgraph/runtime/server/marks.ts'
import { readPlace, type Place } from '../../unitgraph/runtime/server/place.ts'
import { connect as toPostgres } from '../../unitgraph/runtime/server/postgres/client.ts'
import { createJobs as inPostgres } from '../../unitgraph/runtime/server/postgres/jobs.ts'
import { nameOf, prepare } from '../../unitgraph/runtime/server/postgres/schema.ts'
import { createMarks as marksInPostgres } from '../../unitgraph/runtime/server/postgres/marks.ts'
import { createTicks as ticksInPostgres } from '../../unitgraph/runtime/server/postgres/ticks.ts'
import { connect as toRedis } from '../../unitgraph/runtime/server/redis/client.ts'
import { createJobs as inRedis } from '../../unitgraph/runtime/server/redis/jobs.ts'
import { prefixOf } from '../../unitgraph/runtime/server/redis/store.ts'
import { createMarks as marksInRedis } from '../../unitgraph/runtime/server/redis/marks.ts'
import { createTicks as ticksInRedis } from '../../unitgraph/runtime/server/redis/ticks.ts'
import { closeDatabases, openDatabases } from '../../unitgraph/runtime/server/sqlite/database.ts'
import { createJobs as inSQLite } from '../../unitgraph/runtime/server/sqlite/jobs.ts'
import { createMarks as marksInSQLite } from '../../unitgraph/runtime/server/sqlite/marks.ts'
import { createTicks as ticksInSQLite } from '../../unitgraph/runtime/server/sqlite/ticks.ts'
import type { Ticks } from '../../unitgraph/runtime/server/ticks.ts'

/** A deployment of several processes, which have names. */
export interface Deployment {
  jobs(owner: string): Jobs
  ticks(): Ticks
  marks(): Marks
  turn(ms: number): Promise<void>
  now(): number
  /** Ids that are known of a queue, sorted; and those, with what they were, that were given up for good. */
  known(queue: string): Promise<string[]>
  lost(queue: string): Promise<[id: string, body: string][]>
  close(): Promise<void>
}

const START_MS = 1_000_000
let count = 0
export const projectName = (): string => `test-${process.pid}-${count += 1}`

const sqlite = async (): Promise<Deployment> => {
  const folder = mkdtempSync(join(tmpdir(), 'unitgraph-jobs-'))
  const databases = openDatabases(folder)
  let ms = START_MS
  const ids = (sql: string, queue: string) => databases.quick.query<{ id: string; body: string }>(sql).all(queue)
  return {
    jobs: (owner) => inSQLite(databases, owner, () => ms),
    ticks: () => ticksInSQLite(databases, () => ms),
    marks: () => marksInSQLite(databases, () => ms),
    turn: async (by) => { ms += by },
    now: () => ms,
    known: async (queue) => ids('SELECT id, body FROM jobs WHERE queue = ? ORDER BY id', queue).map(({ id }) => id),
    lost: async (queue) => ids('SELECT id, body FROM jobs WHERE queue = ? AND state = 2 ORDER BY id', queue).map(({ id, body }) => [id, body]),
    close: async () => {
      closeDatabases(folder)
      rmSync(folder, { recursive: true })
    },
  }
}

/** The server of a variable, which `test_runtime.py` starts. */
export const placeOf = (variable: string): Place => {
  const place = readPlace(process.env, variable)
  if (!place) throw new Error(`${variable} is not set: test_runtime.py starts the servers`)
  return place
}

const postgres = async (): Promise<Deployment> => {
  const client = toPostgres(placeOf('TEST_POSTGRES'))
  const project = projectName()
  const schema = await prepare(client, project)
  let ms = START_MS
  await client.run(`CREATE TABLE ${schema}.clock AS SELECT ${ms}::bigint AS ms`)
  const clock = `(SELECT ms FROM ${schema}.clock)`
  const channel = await nameOf(project)
  const ids = (where: string, queue: string) =>
    client.run<{ id: string; body: string }>(`SELECT id, body FROM ${schema}.jobs WHERE queue = $1 AND ${where} ORDER BY id`, queue)
  return {
    jobs: (owner) => inPostgres(client, schema, channel, owner, clock),
    ticks: () => ticksInPostgres(client, schema, clock),
    marks: () => marksInPostgres(client, schema, clock),
    turn: async (by) => {
      ms += by
      await client.run(`UPDATE ${schema}.clock SET ms = $1`, ms)
    },
    now: () => ms,
    known: async (queue) => (await ids('true', queue)).map(({ id }) => id),
    lost: async (queue) => (await ids('state = 2', queue)).map(({ id, body }) => [id, body]),
    close: async () => {
      await client.run(`DROP SCHEMA ${schema} CASCADE`)
      await client.close()
    },
  }
}

const redis = async (): Promise<Deployment> => {
  const client = toRedis(placeOf('TEST_REDIS'))
  const prefix = prefixOf(projectName())
  let ms = START_MS
  const turn = async (by: number) => {
    ms += by
    await client.call('SET', `${prefix}clock`, String(ms))
  }
  await turn(0)
  const clock = `tonumber(redis.call('GET', '${prefix}clock'))`
  const all = async (queue: string, key: string) => (await client.call('HGETALL', `${prefix}queue:${queue}:${key}`)) as Record<string, string>
  const idOf = (meta: string) => meta.split('\n')[3] ?? ''
  return {
    jobs: (owner) => inRedis(client, prefix, owner, clock),
    ticks: () => ticksInRedis(client, prefix, clock),
    marks: () => marksInRedis(client, prefix),
    turn,
    now: () => ms,
    known: async (queue) =>
      [...new Set([...Object.keys(await all(queue, 'ids')), ...Object.values(await all(queue, 'meta')).map(idOf)])].sort(),
    lost: async (queue) => {
      const [lost, meta, body] = [await all(queue, 'lost'), await all(queue, 'meta'), await all(queue, 'body')]
      return Object.keys(lost).map((key): [string, string] => [idOf(meta[key] ?? ''), body[key] ?? '']).sort()
    },
    close: async () => client.close(),
  }
}

export const STORES: [name: string, open: () => Promise<Deployment>][] = [['SQLite', sqlite], ['PostgreSQL', postgres], ['Redis', redis]]
