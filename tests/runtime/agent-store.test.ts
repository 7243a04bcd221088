/** What a store of agents promises, held against each that a process may have, with a clock that the test turns; D1 is held to it by whole agents. */
import { afterAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { window } from '../../unitgraph/runtime/agent/memory.ts'
import { inputSchema } from '../../unitgraph/runtime/agent/schema.ts'
import type { AgentStore, Kept, Run } from '../../unitgraph/runtime/agent/store.ts'
import type { AgentMemory } from '../../unitgraph/runtime/types/agent.ts'
import { storedInFile } from '../../unitgraph/runtime/agent/sqlite.ts'
import { createAgents as inPostgres } from '../../unitgraph/runtime/server/postgres/agents.ts'
import { connect as toPostgres } from '../../unitgraph/runtime/server/postgres/client.ts'
import { prepare } from '../../unitgraph/runtime/server/postgres/schema.ts'
import { createAgents as inRedis } from '../../unitgraph/runtime/server/redis/agents.ts'
import { connect as toRedis } from '../../unitgraph/runtime/server/redis/client.ts'
import { prefixOf } from '../../unitgraph/runtime/server/redis/store.ts'
import { placeOf, projectName } from './stores.ts'
import * as z from 'zod'

const root = mkdtempSync(join(tmpdir(), 'unitgraph-agents-'))
afterAll(() => rmSync(root, { recursive: true }))

const DAY_MS = 86_400_000
const ada = { agent: 'clerk', owner: 'user ada' }
const mel = { agent: 'clerk', owner: 'user mel' }
let count = 0
/** Opens the same for a process, as often as it is called. */
type Open = (now: () => number) => Promise<AgentStore>
const STORES: Readonly<Record<string, () => Open>> = {
  SQLite: () => {
    const folder = join(root, `data-${count += 1}`)
    return async (now) => storedInFile(folder, now)
  },
  PostgreSQL: () => {
    const project = projectName()
    return async (now) => {
      const client = toPostgres(placeOf('TEST_POSTGRES'))
      clients.push(client)
      return inPostgres(client, await prepare(client, project), now)
    }
  },
  Redis: () => {
    const prefix = prefixOf(projectName())
    return async (now) => {
      const client = toRedis(placeOf('TEST_REDIS'))
      clients.push(client)
      return inRedis(client, prefix, now)
    }
  },
}
const clients: { close(): unknown }[] = []
afterAll(async () => { for (const client of clients) await client.close() })

/** Two processes that share a store, and their clock. */
const sharing = (name: string) => async () => {
  const open = STORES[name]!()
  const clock = { ms: 1_000_000 }
  const [a, b] = [await open(() => clock.ms), await open(() => clock.ms)]
  return { clock, a, b }
}
const run = (id: string, more: Partial<Run> = {}): Run => ({
  ...ada, id, threadId: 't', status: 'running', version: 1, leaseMs: 0, expiresMs: null, state: '{}', updatedMs: 0, ...more,
})
const said = (text: string) => ({ role: 'user', content: text }) as const
const going = { status: 'running', leaseMs: 0, expiresMs: null, state: '{}' } as const

describe.each(Object.keys(STORES))('threads in %s', (name) => {
  const shared = sharing(name)
  test('are opened once, and are one owner\'s and one agent\'s', async () => {
    const { a, b, clock } = await shared()
    await a.openThread(ada, { id: 't', resourceId: 'r', title: 'first' })
    clock.ms += 1
    await b.openThread(ada, { id: 't', resourceId: null, title: 'second' })
    expect(await b.thread(ada, 't')).toEqual({ id: 't', resourceId: 'r', title: 'first', createdMs: 1_000_000, updatedMs: 1_000_000, summary: null, summarySeq: 0 })
    expect([await a.thread(mel, 't'), await a.thread({ ...ada, agent: 'poet' }, 't'), await a.thread(ada, 'other')]).toEqual([undefined, undefined, undefined])
    expect([await a.deleteThread(mel, 't'), (await a.threads(mel, undefined, 9)).length]).toEqual([false, 0])
  })
  test('are listed by their last use, by resource, and no more than asked for', async () => {
    const { a, clock } = await shared()
    for (const [id, resourceId] of [['1', 'x'], ['2', 'y'], ['3', 'x']] as const) {
      clock.ms += 1
      await a.openThread(ada, { id, resourceId, title: id })
    }
    const ids = async (resource: string | undefined, most: number) => (await a.threads(ada, resource, most)).map(({ id }) => id)
    expect([await ids(undefined, 9), await ids('x', 9), await ids(undefined, 1), await ids('z', 9)]).toEqual([['3', '2', '1'], ['3', '1'], ['3'], []])
    clock.ms += 1
    await a.createRun(run('r', { threadId: '1' }))
    await a.advance(run('r', { threadId: '1' }), going, [said('hello')])
    expect(await ids(undefined, 1)).toEqual(['1'])
  })
  test('go with their messages and their runs', async () => {
    const { a } = await shared()
    await a.openThread(ada, { id: 't', resourceId: null, title: '' })
    await a.createRun(run('r'))
    await a.advance(run('r'), going, [said('hello')])
    expect(await a.deleteThread(ada, 't')).toBe(true)
    expect([await a.thread(ada, 't'), await a.messages(ada, 't', 0, 9), await a.run(ada, 'r')]).toEqual([undefined, [], undefined])
  })
  test('have the latest summary, whoever comes later', async () => {
    const { a, b } = await shared()
    await a.openThread(ada, { id: 't', resourceId: null, title: '' })
    await a.summarise(ada, 't', 'up to six', 6)
    await b.summarise(ada, 't', 'up to four', 4)
    expect(await a.thread(ada, 't')).toMatchObject({ summary: 'up to six', summarySeq: 6 })
  })
})

describe.each(Object.keys(STORES))('runs in %s', (name) => {
  const shared = sharing(name)
  test('move from the version that was seen, once, and their messages with them', async () => {
    const { a, b } = await shared()
    await a.openThread(ada, { id: 't', resourceId: null, title: '' })
    await a.createRun(run('r'))
    const moved = await Promise.all([a, b].map((store, index) => store.advance(run('r'), { ...going, state: `${index}` }, [said(`${index}`), said('more')])))
    expect(moved.filter(Boolean).length).toBe(1)
    const won = String(moved.indexOf(true))
    expect(await b.run(ada, 'r')).toMatchObject({ version: 2, state: won })
    expect((await a.messages(ada, 't', 0, 9)).map(({ seq, message }) => [seq, message.content])).toEqual([[1, won], [2, 'more']])
    expect(await a.advance(run('r'), going, [said('late')])).toBe(false)
    expect(await a.advance(run('r', { version: 2 }), { ...going, status: 'completed' }, [said('again')])).toBe(true)
    expect((await a.messages(ada, 't', 2, 9)).map(({ seq }) => seq)).toEqual([3])
    expect((await a.messages(ada, 't', 0, 2)).map(({ seq }) => seq)).toEqual([2, 3])
  })
  test('of one thread add to it one after the other', async () => {
    const { a, b } = await shared()
    await a.openThread(ada, { id: 't', resourceId: null, title: '' })
    const runs = ['r1', 'r2', 'r3', 'r4'].map((id) => run(id))
    for (const one of runs) await a.createRun(one)
    const moved = await Promise.all(runs.map((one, index) => (index % 2 ? a : b).advance(one, going, [said(one.id), said(one.id)])))
    expect(moved).toEqual([true, true, true, true])
    const found = await b.messages(ada, 't', 0, 9)
    expect(found.map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5, 6, 7, 8])
    expect([0, 2, 4, 6].every((index) => found[index]?.message.content === found[index + 1]?.message.content)).toBe(true)
  })
  test('are one owner\'s', async () => {
    const { a } = await shared()
    await a.createRun(run('r'))
    expect([await a.run(mel, 'r'), await a.run({ ...ada, agent: 'poet' }, 'r')]).toEqual([undefined, undefined])
  })
  test('are renewed by whom they are with, while they go on', async () => {
    const { a, b } = await shared()
    await a.createRun(run('r'))
    expect([await a.renew(run('r'), 50), (await b.run(ada, 'r'))?.leaseMs]).toEqual([true, 50])
    await b.advance(run('r'), { ...going, status: 'suspended' }, [])
    expect([await a.renew(run('r'), 60), await b.renew(run('r', { version: 2 }), 60)]).toEqual([false, false])
  })
  test('are forgotten a month after their last change', async () => {
    const { a, clock } = await shared()
    await a.createRun(run('old'))
    clock.ms += 30 * DAY_MS + 1
    await a.createRun(run('new'))
    expect([await a.run(ada, 'old'), (await a.run(ada, 'new'))?.id]).toEqual([undefined, 'new'])
  })
})

test('runs are there for another process after this one has closed the file', async () => {
  const folder = join(root, `data-${count += 1}`)
  const [a, b] = [storedInFile(folder), storedInFile(folder)]
  await a.createRun(run('r', { state: '{"steps":1}' }))
  a.close()
  expect((await b.run(ada, 'r'))?.state).toBe('{"steps":1}')
})

describe('memory', () => {
  const kept = (roles: string): Kept[] => [...roles].map((role, index) => ({
    seq: index + 1, createdMs: 0,
    message: { role: { u: 'user', a: 'assistant', t: 'tool' }[role], content: 'x'.repeat(38) } as never,
  }))
  const seqs = (roles: string, memory: AgentMemory) => window(kept(roles), memory).map(({ seq }) => seq)
  test.each<[string, AgentMemory, number[]]>([
    ['uaua', {}, [1, 2, 3, 4]],
    ['uaua', { lastMessages: 2 }, [3, 4]],
    ['uatau', { lastMessages: 3 }, [5]],
    ['uatatau', { lastMessages: 2 }, [7]],
    ['uata', { lastMessages: 2 }, []],
    ['uaua', { maxTokens: 25 }, [3, 4]],
    ['uaua', { maxTokens: 9 }, []],
    ['uaua', { maxTokens: 1000, lastMessages: 2 }, [3, 4]],
    ['', {}, []],
  ])('of %s with %o is %o', (roles, memory, expected) => {
    expect(seqs(roles, memory)).toEqual(expected)
  })
})

describe('what models are told of a schema', () => {
  const plain = { type: 'object', properties: { a: { type: 'string' } } }
  const standard = (jsonSchema: unknown) => ({ '~standard': { version: 1, vendor: 'v', validate: () => ({ value: 1 }), jsonSchema } }) as never
  test.each<[string, unknown, unknown]>([
    ['JSON Schema as it is', plain, plain],
    ['zod', z.object({ a: z.string(), b: z.number().optional() }), { type: 'object', properties: { a: { type: 'string' }, b: { type: 'number' } }, required: ['a'] }],
    ['what Standard JSON Schema says', standard({ input: () => ({ $schema: 's', ...plain }) }), plain],
    ['a method of its own', Object.assign(standard(undefined), { toJsonSchema: () => plain }), plain],
    ['nothing, where nobody says it', standard(undefined), { type: 'object', additionalProperties: true }],
    ['nothing, where it can\'t be said', standard({ input: () => { throw new Error('no') } }), { type: 'object', additionalProperties: true }],
    ['nothing, where it is no object', z.string(), { type: 'object', additionalProperties: true }],
  ])('%s', (_name, schema, expected) => {
    expect(inputSchema(schema as never)).toEqual(expected)
  })
})
