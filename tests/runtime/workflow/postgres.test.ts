/** What only PostgreSQL's store has to show: many who make its tables at once, many who claim at once, texts that it can't hold. */
import { afterAll, describe, expect, test } from 'bun:test'
import { connect } from '../../../unitgraph/runtime/server/postgres/client.ts'
import { migrate, prepare } from '../../../unitgraph/runtime/server/postgres/schema.ts'
import { createRoutines } from '../../../unitgraph/runtime/server/postgres/routines.ts'
import { createRunStore } from '../../../unitgraph/runtime/server/postgres/runs.ts'
import { escaped, fromText, toText } from '../../../unitgraph/runtime/server/postgres/texts.ts'
import type { Claimed } from '../../../unitgraph/runtime/workflow/store.ts'
import { placeOf, projectName } from '../stores.ts'

const clients = Array.from({ length: 6 }, () => connect(placeOf('TEST_POSTGRES'), 2))
const schemas: string[] = []
afterAll(async () => {
  for (const schema of schemas) await clients[0]!.run(`DROP SCHEMA ${schema} CASCADE`)
  await Promise.all(clients.map((client) => client.close()))
})

const opened = async () => {
  const project = projectName()
  const stores = await Promise.all(clients.map(async (client) => createRunStore(client, await prepare(client, project))))
  schemas.push(await prepare(clients[0]!, project))
  return stores
}

test('any number of processes make the tables at once, and bring them to a later version', async () => {
  const project = projectName()
  const schema = await prepare(clients[0]!, project)
  schemas.push(schema)
  const code = (tag: string) => ({ sql: `CREATE OR REPLACE FUNCTION ${schema}.f_${tag}() RETURNS int LANGUAGE sql AS 'SELECT 1';`, witness: `${schema}.f_${tag}()` })
  const steps = [`CREATE TABLE ${schema}.things (id int);`, `ALTER TABLE ${schema}.things ADD COLUMN name text; INSERT INTO ${schema}.things VALUES (1, 'once');`]
  await Promise.all(clients.map((client) => migrate(client, schema, 'things', steps.slice(0, 1), code('old'))))
  await Promise.all(clients.map((client) => migrate(client, schema, 'things', steps, code('new'))))
  expect(await clients[0]!.run(`SELECT id, name, ${schema}.f_old() + ${schema}.f_new() AS both FROM ${schema}.things`)).toEqual([{ id: 1, name: 'once', both: 2 }])
  expect(migrate(clients[1]!, schema, 'things', steps.slice(0, 1), code('old'))).rejects.toThrow('are of version 2, and this program knows version 1')
})

test('many who claim at once each have other runs, never more of a key than its limit, and all have them all', async () => {
  const stores = await opened()
  const limits = [{}, { concurrencyKey: 'k', concurrencyLimit: 3 }, { rateKey: 'r', rateLimit: 5, ratePerMs: 3_600_000 }]
  const ids = Array.from({ length: 90 }, (_, index) => `r${index}`)
  await Promise.all(ids.map((id, index) => stores[index % 6]!.start(
    { id, name: 'x', version: '1', input: '1', ...limits[index % 3] }, index % 4 ? undefined : { worker: `w${index % 6}`, ttlMs: 60_000 },
  )))
  const had: Claimed[] = []
  for (let round = 0; round < 8; round += 1) {
    had.push(...await Promise.all(stores.map((store, index) => store.claim({ worker: `w${index}`, ttlMs: 60_000, versions: { x: '1' }, count: 9 }))))
  }
  const running = await stores[0]!.list({ status: 'running', limit: 100 })
  expect([running.filter((head) => head.concurrencyKey).length, running.filter((head) => head.rateKey).length]).toEqual([3, 5])
  expect(running.length).toBe(38)
  expect(running.every(({ epoch }) => epoch === 1)).toBe(true)
  const claimed = had.flatMap(({ runs }) => runs.map(({ head }) => head.id))
  expect(claimed.length).toBe(new Set(claimed).size)
})

test('a claim costs nothing more for runs that are parked', async () => {
  const [store] = await opened()
  const schema = schemas.at(-1)!
  /** The shortest of several, which other programs on the machine have no part in. */
  const shortest = async (): Promise<number> => {
    const took: number[] = []
    for (let n = 0; n < 10; n += 1) {
      const begin = performance.now()
      expect((await store!.claim({ worker: 'w', ttlMs: 9000, versions: { w0: '1', w1: '1', w2: '1' }, count: 10 })).runs).toEqual([])
      took.push(performance.now() - begin)
    }
    return Math.min(...took)
  }
  const before = await shortest()
  await clients[0]!.run(`INSERT INTO ${schema}.runs (id, name, version, status, priority, due_at, epoch, seq, created_at, concurrency_limit, rate_limit,
      rate_per_ms, retention_ms)
    SELECT 'r' || n, 'w' || n % 5, '1', 'waiting', 0, 9999999999999 + n, 1, 3, n, 0, 0, 0, 1 FROM generate_series(1, 50000) AS n`)
  await clients[0]!.run(`ANALYZE ${schema}.runs`)
  expect(await shortest()).toBeLessThan(before * 5 + 5)
})

test.each([
  ['nothing holds back', 10, 'NULL, 0, NULL, 0, 0'],
  ['a full key holds back', 1, "'k', 1, NULL, 0, 0"],
  ['twenty keys hold back', 20, "'k' || n % 20, 1, NULL, 0, 0"],
  ['a bucket holds back', 1, "NULL, 0, 'r', 1, 3600000"],
])('a claim reads no more rows for more that are due, which %s', async (_what, most, limits) => {
  await opened()
  const schema = schemas.at(-1)!
  await clients[0]!.run(`INSERT INTO ${schema}.runs (id, name, version, status, priority, due_at, epoch, seq, created_at, retention_ms, concurrency_key, concurrency_limit,
      rate_key, rate_limit, rate_per_ms)
    SELECT 'r' || n, 'w', '1', 'ready', n % 3, n, 0, 0, n, 1, ${limits} FROM generate_series(1, 5000) AS n`)
  await clients[0]!.run(`INSERT INTO ${schema}.payloads (id, input) SELECT id, '1' FROM ${schema}.runs`)
  await clients[0]!.run(`ANALYZE ${schema}.runs`)
  const { call } = await createRoutines(schema)
  // of what the connection has not told yet, which may be more than this transaction's
  const read = `SELECT (seq_tup_read + idx_tup_fetch)::int AS read FROM pg_stat_xact_user_tables WHERE relid = '${schema}.runs'::regclass`
  let had = 0
  for (let round = 0; round < 4; round += 1) {
    const [before, claimed, after] = await clients[0]!.transaction<{ claimed: string; read: number }>('BEGIN', [
      [read],
      [`SELECT ${call('claim')}($1::text::json, NULL)::text AS claimed`, JSON.stringify({ worker: 'w', ttlMs: 9000, versions: { w: '1', x: '1' }, count: 10 })],
      [read],
    ])
    had += (JSON.parse(claimed!.rows[0]!.claimed) as Claimed).runs.length
    expect(after!.rows[0]!.read - before!.rows[0]!.read).toBeLessThan(500)
  }
  expect(had).toBe(most === 10 ? 40 : most)
})

test('what many write at once is written once; who sends to it meanwhile is heard or told', async () => {
  const [store, ...others] = await opened()
  await store!.start({ id: 'r', name: 'x', version: '1', input: '1' }, { worker: 'w', ttlMs: 60_000 })
  const entry = (key: string) => ({ key, kind: 'inline' as const, phase: 'done' as const, fingerprint: '', attempt: 1, input: null, value: '1', error: null, startedAt: 1 })
  for (let seq = 0; seq < 20; seq += 1) {
    const answers = await Promise.all([
      ...others.map((other) => other.append({ id: 'r', epoch: 1, fromSeq: seq * 2, entries: [entry(`a${seq}`), entry(`b${seq}`)] })),
      ...others.map((other, index) => other.deliver('r', { messageId: `m${seq}`, type: 't', payload: String(index), by: null })),
    ])
    expect(answers.filter(({ is }) => is === 'delivered').length).toBe(1)
    expect(answers.filter(({ is }) => is === 'duplicate').length).toBe(4)
  }
  const run = await store!.load('r')
  expect([run!.journal.length, run!.head.seq, run!.inbox.map(({ n }) => n)]).toEqual([40, 40, Array.from({ length: 20 }, (_, n) => n + 1)])
})

describe('texts that PostgreSQL can\'t hold', () => {
  test.each(['\0', 'a\u001a0000', '\ud800', 'x\udc00y', '\ud83d\ude00', '\\u0000', '\\ud800'])('%j comes back', async (text) => {
    expect(fromText(toText({ text, more: [text] }))).toEqual({ text, more: [text] })
    const [store] = await opened()
    const given = { id: `r${text}`, name: 'x', version: '1', input: text }
    expect(await store!.start(given, { worker: 'w', ttlMs: 9000 })).toMatchObject({ is: 'started' })
    expect(await store!.start(given)).toMatchObject({ is: 'known' })
    await store!.append({ id: given.id, epoch: 1, fromSeq: 0, entries: [], change: { status: 'failed', reason: text, error: text } })
    expect(await store!.load(given.id)).toMatchObject({ head: { id: given.id, reason: text }, input: text, error: text })
    expect((await store!.list({ limit: 9, text: `r${text}`.toUpperCase() })).length).toBe(1)
  })
  test('others are left as they are', () => expect(escaped('plain \u{1f600}')).toBe('plain \u{1f600}'))
})
