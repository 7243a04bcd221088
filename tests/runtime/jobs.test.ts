/** Jobs and ticks in SQLite: what each statement promises, with a clock that the test turns. */
import { afterAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Message } from '../../unitgraph/runtime/queue/message.ts'
import { closeStore, openStore } from '../../unitgraph/runtime/server/database.ts'
import { dataFolder } from '../../unitgraph/runtime/server/folder.ts'
import { createJobs, type Jobs } from '../../unitgraph/runtime/server/jobs.ts'
import { createTicks } from '../../unitgraph/runtime/server/ticks.ts'

const root = mkdtempSync(join(tmpdir(), 'unitgraph-jobs-'))
afterAll(() => rmSync(root, { recursive: true }))

const DAY_MS = 86_400_000
let count = 0
/** Two processes that share a database, and their clock. */
const shared = () => {
  const folder = join(root, `data-${count += 1}`)
  const clock = { ms: 1_000_000 }
  const [first, second] = [openStore(folder), openStore(folder)]
  const jobs = (owner: string) => createJobs(first, owner, () => clock.ms)
  return { clock, a: jobs('a'), b: jobs('b'), store: second, folder }
}
const message = (id: string, more: Partial<Message> = {}): Message => ({ id, isNamed: false, delayMs: 0, text: `text of ${id}`, ...more })
const ids = (jobs: Jobs, queue = 'q', most = 10, leaseMs = 1000) => jobs.claim(queue, most, leaseMs).map(({ id }) => id)

describe('jobs', () => {
  test('are taken in their order, by one process each, and are gone when done', async () => {
    const { a, b } = shared()
    await Promise.all(['1', '2', '3', '4'].map((id) => a.add('q', message(id))))
    const [first, second] = [a.claim('q', 2, 1000), b.claim('q', 10, 1000)]
    expect([first, second].map((claimed) => claimed.map(({ id, body, attempt }) => [id, body, attempt]))).toEqual([
      [['1', 'text of 1', 1], ['2', 'text of 2', 1]], [['3', 'text of 3', 1], ['4', 'text of 4', 1]],
    ])
    expect([...first.map((job) => a.done(job)), ...second.map((job) => b.done(job))]).toEqual([true, true, true, true])
    expect([ids(a), a.waiting('q'), a.nextDue('q')]).toEqual([[], 0, undefined])
  })
  test('of one queue are not those of another', async () => {
    const { a } = shared()
    await a.add('q', message('1'))
    expect([ids(a, 'other'), ids(a)]).toEqual([[], ['1']])
  })
  test('wait until they are due', async () => {
    const { a, clock } = shared()
    await a.add('q', message('late', { delayMs: 500 }))
    expect([ids(a), a.nextDue('q')]).toEqual([[], clock.ms + 500])
    clock.ms += 500
    expect(ids(a)).toEqual(['late'])
  })
  test('of a process that is heard of no more are taken by another, and the first one comes too late', async () => {
    const { a, b, clock } = shared()
    await a.add('q', message('1'))
    const [lost] = a.claim('q', 1, 1000)
    clock.ms += 999
    expect(ids(b)).toEqual([])
    clock.ms += 1
    const [found] = b.claim('q', 1, 1000)
    expect(found?.attempt).toBe(2)
    expect([a.done(lost!), a.retry(lost!, 0), a.giveUp(lost!, 'dead'), b.done(found!)]).toEqual([false, false, false, true])
  })
  test('stay with a process that renews its lease', async () => {
    const { a, b, clock } = shared()
    await a.add('q', message('1'))
    const [mine] = a.claim('q', 1, 1000)
    clock.ms += 900
    a.renew('q', 1000)
    clock.ms += 900
    expect(ids(b)).toEqual([])
    expect(a.done(mine!)).toBe(true)
  })
  test('that are tried again wait as long as they were told', async () => {
    const { a, clock } = shared()
    await a.add('q', message('1'))
    a.retry(a.claim('q', 1, 1000)[0]!, 300)
    expect([ids(a), a.nextDue('q')]).toEqual([[], clock.ms + 300])
    clock.ms += 300
    expect(a.claim('q', 1, 1000)[0]?.attempt).toBe(2)
  })
  test('that were put back have not been tried', async () => {
    const { a } = shared()
    await a.add('q', message('1'))
    a.putBack(a.claim('q', 1, 1000)[0]!, 0)
    const [again] = a.claim('q', 1, 1000)
    expect(again?.attempt).toBe(1)
    expect([a.release(), a.claim('q', 1, 1000)[0]?.attempt, a.done(again!)]).toEqual([1, 1, true])
  })
  test('that were given up go to the dead letters as they were, or are kept', async () => {
    const { a, store } = shared()
    await Promise.all([a.add('q', message('1')), a.add('q', message('2'))])
    const [one, two] = a.claim('q', 2, 1000)
    expect([a.giveUp(one!, 'dead'), a.giveUp(two!, undefined)]).toEqual([true, true])
    expect(a.claim('dead', 9, 1000).map(({ id, body, attempt }) => [id, body, attempt])).toEqual([['1', 'text of 1', 1]])
    expect([ids(a), store.quick.query('SELECT id, body FROM jobs WHERE state = 2').all()]).toEqual([[], [{ id: '2', body: 'text of 2' }]])
  })
  test('a failed write is told to all that waited for it, and nothing is half there', async () => {
    const { a } = shared()
    const bad = message('2', { text: null as never })
    const told = await Promise.allSettled([a.add('q', message('1')), a.add('q', bad), a.add('q', message('3'))])
    expect(told.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected'])
    expect(a.waiting('q')).toBe(0)
    await a.add('q', message('1'))
    expect(ids(a)).toEqual(['1'])
  })
})

describe('ids that were given', () => {
  const named = (id: string, more: Partial<Message> = {}) => message(id, { isNamed: true, ...more })
  test('are there once: while a job waits, while it runs, and for a day after', async () => {
    const { a, clock } = shared()
    await a.add('q', named('1', { text: 'first' }))
    await a.add('q', named('1', { text: 'second' }))
    const [job, ...more] = a.claim('q', 9, 1000)
    expect([job?.body, more.length]).toEqual(['first', 0])
    await a.add('q', named('1'))
    a.done(job!)
    await a.add('q', named('1'))
    clock.ms += DAY_MS - 1
    await a.add('q', named('1'))
    expect(ids(a)).toEqual([])
    clock.ms += 1
    await a.add('q', named('1', { text: 'a day later' }))
    expect(a.claim('q', 9, 1000).map(({ body, attempt }) => [body, attempt])).toEqual([['a day later', 1]])
  })
  test('are a queue\'s own', async () => {
    const { a } = shared()
    await Promise.all([a.add('q', named('1')), a.add('other', named('1'))])
    expect([ids(a), ids(a, 'other')]).toEqual([['1'], ['1']])
  })
  test('are remembered of jobs that were given up, whose dead letters are there once', async () => {
    const { a } = shared()
    await a.add('q', named('1'))
    a.giveUp(a.claim('q', 1, 1000)[0]!, 'dead')
    await a.add('q', named('1'))
    expect([ids(a), ids(a, 'dead')]).toEqual([[], ['1']])
  })
  test('are forgotten when their day is over', async () => {
    const { a, clock, store } = shared()
    await Promise.all([a.add('q', named('1')), a.add('q', message('2'))])
    for (const job of a.claim('q', 9, 1000)) a.done(job)
    const kept = () => store.quick.query<{ id: string }>('SELECT id FROM jobs').all().map(({ id }) => id)
    a.forget()
    expect(kept()).toEqual(['1'])
    clock.ms += DAY_MS
    a.forget()
    expect(kept()).toEqual([])
  })
})

describe('ticks', () => {
  const two = () => {
    const { clock, store } = shared()
    const [a, b] = [createTicks(store, () => clock.ms), createTicks(store, () => clock.ms)]
    a.know('t', 100)
    return { a, b, clock }
  }
  test('one process has a time, and none an earlier one', () => {
    const { a, b } = two()
    expect([a.take('t', 200, 10, false), b.take('t', 200, 10, false), b.take('t', 150, 10, false), b.take('t', 300, 10, false)]).toEqual([true, false, false, true])
    expect(a.last('t')).toBe(300)
  })
  test('what lies before a task was known is nobody\'s', () => {
    const { a } = two()
    a.know('t', 500)
    expect([a.last('t'), a.take('t', 100, 10, false)]).toEqual([100, false])
  })
  test('alone: not while an earlier time runs, wherever that is', () => {
    const { a, b, clock } = two()
    expect(a.take('t', 200, 1000, true)).toBe(true)
    expect(b.take('t', 300, 1000, true)).toBe(false)
    clock.ms += 900
    a.renew('t', 200, 1000)
    clock.ms += 900
    expect(b.take('t', 400, 1000, true)).toBe(false)
    a.ended('t', 200)
    expect(b.take('t', 500, 1000, true)).toBe(true)
    clock.ms += 1000
    expect(a.take('t', 600, 1000, true)).toBe(true)
  })
  test('a run that was not ended is taken over once its lease is over', () => {
    const { a, b, clock } = two()
    a.take('t', 200, 1000, false)
    expect(b.takeOver('t', 1000)).toBe(undefined)
    clock.ms += 1000
    expect([b.takeOver('t', 1000), a.takeOver('t', 1000)]).toEqual([200, undefined])
    b.ended('t', 200)
    clock.ms += 1000
    expect(a.takeOver('t', 1000)).toBe(undefined)
  })
})

describe('the data folder', () => {
  test.each<[Record<string, string>, string]>([
    [{ UNITGRAPH_DATA: '/srv/data', STATE_DIRECTORY: '/var/lib/shop' }, '/srv/data'],
    [{ STATE_DIRECTORY: '/var/lib/shop:/var/lib/other' }, '/var/lib/shop'],
    [{ XDG_STATE_HOME: '/home/ada/state' }, '/home/ada/state/shop'],
  ])('%o is %s', (env, folder) => {
    expect(dataFolder(env, 'shop')).toBe(folder)
  })
  test('is the user\'s where nothing is said', () => {
    expect(dataFolder({}, 'shop').endsWith('/.local/state/shop')).toBe(true)
  })
  test('of a newer version is left alone, and one that can not be written is named', () => {
    const { folder, store } = shared()
    store.durable.run('PRAGMA user_version = 99')
    closeStore(folder)
    closeStore(folder)
    expect(() => openStore(folder)).toThrow('version 99')
    expect(() => openStore('/proc/nowhere')).toThrow('/proc/nowhere can\'t be used')
  })
})
