/** Jobs and ticks: what every store promises, with a clock that the test turns. And the folder of the one that has one. */
import { describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Message } from '../../unitgraph/runtime/queue/message.ts'
import type { Claimed, Jobs } from '../../unitgraph/runtime/server/jobs.ts'
import { dataFolder } from '../../unitgraph/runtime/server/folder.ts'
import { closeDatabases, openDatabases } from '../../unitgraph/runtime/server/sqlite/database.ts'
import { STORES, type Deployment } from './stores.ts'

const DAY_MS = 86_400_000
const message = (id: string, more: Partial<Message> = {}): Message => ({ id, isNamed: false, delayMs: 0, text: `text of ${id}`, ...more })
const named = (id: string, more: Partial<Message> = {}) => message(id, { isNamed: true, ...more })
const one = async (jobs: Jobs, leaseMs = 1000): Promise<Claimed> => {
  const [job] = await jobs.claim('q', 1, leaseMs)
  if (!job) throw new Error('nothing was due')
  return job
}
const ids = async (jobs: Jobs, queue = 'q', most = 10, leaseMs = 1000) => (await jobs.claim(queue, most, leaseMs)).map(({ id }) => id)

describe.each(STORES)('%s', (_store, open) => {
  /** Two processes that share a store, and their clock. */
  type Two = Deployment & { a: Jobs; b: Jobs }
  const on = (work: (two: Two) => Promise<void>) => async () => {
    const deployment = await open()
    try {
      await work({ ...deployment, a: deployment.jobs('a'), b: deployment.jobs('b') })
    } finally {
      await deployment.close()
    }
  }

  describe('jobs', () => {
    test('are taken in their order, by one process each, and are gone when done', on(async ({ a, b, known }) => {
      await Promise.all(['1', '2', '3', '4'].map((id) => a.add('q', message(id))))
      const [first, second] = [await a.claim('q', 2, 1000), await b.claim('q', 10, 1000)]
      expect([first, second].map((claimed) => claimed.map(({ queue, id, body, isNamed, attempt }) => [queue, id, body, isNamed, attempt]))).toEqual([
        [['q', '1', 'text of 1', false, 1], ['q', '2', 'text of 2', false, 1]], [['q', '3', 'text of 3', false, 1], ['q', '4', 'text of 4', false, 1]],
      ])
      expect(await Promise.all([...first.map((job) => a.done(job)), ...second.map((job) => b.done(job))])).toEqual([true, true, true, true])
      expect([await ids(a), await a.waiting('q'), await a.dueIn(['q']), await known('q')]).toEqual([[], 0, new Map(), []])
    }))
    test('of one queue are not those of another', on(async ({ a }) => {
      await a.add('q', message('1'))
      expect([await ids(a, 'other'), await a.dueIn(['other', 'q']), await ids(a)]).toEqual([[], new Map([['q', 0]]), ['1']])
    }))
    test('are as they were, whatever is in them', on(async ({ a }) => {
      const text = 'ключ "\' \\ \u2028 🐦 \t'.repeat(5000)
      await Promise.all([a.add('q: {x}\'"', message('1', { text })), a.add('q: {x}\'"', named('id \'"{}\\ 🐦', { text: '' }))])
      const found = await a.claim('q: {x}\'"', 9, 1000)
      expect(found.map(({ id, body, isNamed }) => [id, body === text, isNamed])).toEqual([['1', true, false], ['id \'"{}\\ 🐦', false, true]])
      expect(await Promise.all(found.map((job) => a.done(job)))).toEqual([true, true])
    }))
    test('wait until they are due', on(async ({ a, turn }) => {
      await a.add('q', message('late', { delayMs: 500 }))
      expect([await ids(a), await a.dueIn(['q'])]).toEqual([[], new Map([['q', 500]])])
      await turn(500)
      expect(await ids(a)).toEqual(['late'])
    }))
    test('are each somebody\'s when several take at once', on(async ({ jobs }) => {
      const all = Array.from({ length: 200 }, (_, index) => String(index))
      await Promise.all(all.map((id) => jobs('a').add('q', message(id))))
      const processes = Array.from({ length: 8 }, (_, index) => jobs(`p${index}`))
      const rounds = await Promise.all(processes.flatMap((each) => [1, 2, 3, 4].map(() => each.claim('q', 10, 1000))))
      // a process may find all locked by others, and looks again then
      const found = [...rounds.flat().map(({ id }) => id), ...await ids(jobs('last'), 'q', 200)]
      expect(found.sort()).toEqual(all.sort())
    }))
    test('of a process that is heard of no more are taken by another, and the first one comes too late', on(async ({ a, b, turn }) => {
      await a.add('q', message('1'))
      const lost = await one(a)
      await turn(999)
      expect(await ids(b)).toEqual([])
      await turn(1)
      const found = await one(b)
      expect(found.attempt).toBe(2)
      await a.renew('q', 50_000)
      expect([await a.done(lost), await a.retry(lost, 0), await a.putBack(lost, 0), await a.giveUp(lost, 'dead'), await a.giveUp(lost, undefined), await b.done(found)])
        .toEqual([false, false, false, false, false, true])
    }))
    test('stay with a process that renews its lease', on(async ({ a, b, turn }) => {
      await a.add('q', message('1'))
      const mine = await one(a)
      await turn(900)
      await a.renew('q', 1000)
      await turn(900)
      expect([await ids(b), await a.dueIn(['q'])]).toEqual([[], new Map([['q', 100]])])
      expect(await a.done(mine)).toBe(true)
    }))
    test('that the same process took again after it was late stay with the later try', on(async ({ a, turn }) => {
      await a.add('q', message('1'))
      const first = await one(a)
      await turn(1000)
      const second = await one(a)
      expect([second.attempt, await a.done(first)]).toEqual([2, false])
      await a.renew('q', 5000)
      await turn(4000)
      expect([await ids(a), await a.done(second)]).toEqual([[], true])
    }))
    test('that are tried again wait as long as they were told', on(async ({ a, turn }) => {
      await a.add('q', message('1'))
      expect(await a.retry(await one(a), 300)).toBe(true)
      expect([await ids(a), await a.dueIn(['q'])]).toEqual([[], new Map([['q', 300]])])
      await turn(300)
      expect((await one(a)).attempt).toBe(2)
    }))
    test('that were put back have not been tried', on(async ({ a, b }) => {
      await a.add('q', message('1'))
      await a.putBack(await one(a), 0)
      const again = await one(a)
      expect([again.attempt, await b.release(), await a.release(), await a.release()]).toEqual([1, 0, 1, 0])
      const last = await one(b)
      expect([last.attempt, await a.done(again), await b.done(last)]).toEqual([1, false, true])
    }))
    test('that were given up go to the dead letters as they were, or are kept', on(async ({ a, lost }) => {
      await Promise.all([a.add('q', message('1')), a.add('q', message('2'))])
      const [first, second] = await a.claim('q', 2, 1000)
      expect([await a.giveUp(first!, 'dead'), await a.giveUp(second!, undefined)]).toEqual([true, true])
      expect((await a.claim('dead', 9, 1000)).map(({ id, body, attempt }) => [id, body, attempt])).toEqual([['1', 'text of 1', 1]])
      expect([await ids(a), await a.waiting('q'), await lost('q')]).toEqual([[], 0, [['2', 'text of 2']]])
    }))
    test('that wait are counted', on(async ({ a }) => {
      await Promise.all([a.add('q', message('1')), a.add('q', message('2', { delayMs: 5000 })), a.add('other', message('3'))])
      expect([await a.waiting('q'), await a.waiting('other'), await a.waiting('none')]).toEqual([2, 1, 0])
    }))
  })

  describe('ids that were given', () => {
    test('are there once: while a job waits, while it runs, and for a day after', on(async ({ a, turn }) => {
      await a.add('q', named('1', { text: 'first' }))
      await a.add('q', named('1', { text: 'second' }))
      const [job, ...more] = await a.claim('q', 9, 1000)
      expect([job?.body, more.length]).toEqual(['first', 0])
      await a.add('q', named('1'))
      await a.done(job!)
      await a.add('q', named('1'))
      await turn(DAY_MS - 1)
      await a.add('q', named('1'))
      expect(await ids(a)).toEqual([])
      await turn(1)
      await a.add('q', named('1', { text: 'a day later' }))
      expect((await a.claim('q', 9, 1000)).map(({ body, attempt }) => [body, attempt])).toEqual([['a day later', 1]])
    }))
    test('are there once, when many add them at once and in any order', on(async ({ a, b }) => {
      const all = Array.from({ length: 50 }, (_, index) => String(index))
      await Promise.all([...all.map((id) => a.add('q', named(id))), ...all.toReversed().map((id) => b.add('q', named(id))), ...all.map((id) => a.add('q', named(id)))])
      expect((await ids(a, 'q', 200)).sort()).toEqual(all.sort())
    }))
    test('are a queue\'s own', on(async ({ a }) => {
      await Promise.all([a.add('q', named('1')), a.add('other', named('1'))])
      expect([await ids(a), await ids(a, 'other')]).toEqual([['1'], ['1']])
    }))
    test('are remembered of jobs that were given up, whose dead letters are there once', on(async ({ a, turn }) => {
      await a.add('q', named('1'))
      await a.giveUp(await one(a), 'dead')
      await a.add('q', named('1'))
      expect([await ids(a), await ids(a, 'dead')]).toEqual([[], ['1']])
      await turn(DAY_MS)
      await a.add('q', named('1'))
      await a.giveUp(await one(a), 'dead')
      expect(await a.waiting('dead')).toBe(1)
    }))
    test('of jobs that were given up and kept make room after a day, and not before', on(async ({ a, turn, lost }) => {
      await a.add('q', named('1', { text: 'kept' }))
      await a.giveUp(await one(a), undefined)
      await a.add('q', named('1'))
      expect([await ids(a), await lost('q')]).toEqual([[], [['1', 'kept']]])
      await turn(DAY_MS)
      await a.forget()
      expect(await lost('q')).toEqual([['1', 'kept']])
      await a.add('q', named('1', { text: 'new' }))
      const [job] = await a.claim('q', 9, 1000)
      expect([job?.body, job?.attempt, await lost('q'), await a.done(job!)]).toEqual(['new', 1, [], true])
    }))
    test('are forgotten when their day is over', on(async ({ a, turn, known }) => {
      await Promise.all([a.add('q', named('1')), a.add('q', message('2'))])
      for (const job of await a.claim('q', 9, 1000)) await a.done(job)
      await a.forget()
      expect(await known('q')).toEqual(['1'])
      await turn(DAY_MS)
      await a.forget()
      expect(await known('q')).toEqual([])
    }))
  })

  describe('watching', () => {
    test('says that another process has added something', on(async ({ a, b }) => {
      const told = Promise.withResolvers<void>()
      const end = b.watch(() => told.resolve())
      await a.add('q', message('1'))
      await told.promise
      end()
    }))
  })

  describe('marks', () => {
    test('are what was said first, by however many at once', on(async ({ marks }) => {
      const said = await Promise.all(Array.from({ length: 10 }, (_, index) => marks().first('key \n ü', `text ${index}`, DAY_MS)))
      expect(new Set(said).size).toBe(1)
      expect(await marks().first('key \n ü', 'later', DAY_MS)).toBe(said[0]!)
      await marks().set('key \n ü', 'set', DAY_MS)
      expect([await marks().first('key \n ü', 'later', DAY_MS), await marks().first('other', 'own', DAY_MS)]).toEqual(['set', 'own'])
    }))
    test('are forgotten when their time is over', on(async ({ marks, turn }) => {
      await marks().first('a', 'first', 20)
      await marks().set('b', 'first', 20)
      // for stores whose clock the test turns, and for the one that expires keys by itself
      await turn(20)
      const until = performance.now() + 25
      while (performance.now() < until) await new Promise((resolve) => setTimeout(resolve, 5))
      expect([await marks().first('a', 'second', DAY_MS), await marks().first('b', 'second', DAY_MS)]).toEqual(['second', 'second'])
    }))
    test('are no jobs', on(async ({ a, marks }) => {
      await marks().first('a', 'text', DAY_MS)
      expect([await a.waiting(''), await ids(a, ''), await a.dueIn([''])]).toEqual([0, [], new Map()])
    }))
  })

  describe('ticks', () => {
    const two = (work: (two: Deployment & { a: ReturnType<Deployment['ticks']>; b: ReturnType<Deployment['ticks']> }) => Promise<void>) =>
      on(async (deployment) => {
        const [a, b] = [deployment.ticks(), deployment.ticks()]
        await a.know('t', 100)
        await work({ ...deployment, a, b })
      })
    test('one process has a time, and none an earlier one', two(async ({ a, b }) => {
      expect([await a.take('t', 200, 10, false), await b.take('t', 200, 10, false), await b.take('t', 150, 10, false), await b.take('t', 300, 10, false)])
        .toEqual([true, false, false, true])
      expect(await a.last('t')).toBe(300)
    }))
    test('one process has a time when all take it at once', two(async ({ ticks }) => {
      const took = await Promise.all(Array.from({ length: 10 }, () => ticks().take('t', 200, 10, false)))
      expect(took.filter(Boolean).length).toBe(1)
    }))
    test('what lies before a task was known is nobody\'s, nor what is of no task', two(async ({ a }) => {
      await a.know('t', 500)
      expect([await a.last('t'), await a.take('t', 100, 10, false), await a.last('other'), await a.take('other', 100, 10, false)]).toEqual([100, false, 0, false])
    }))
    test('have the clock of the store', two(async ({ a, now, turn }) => {
      await turn(1234)
      expect(await a.now()).toBe(now())
    }))
    test('alone: not while an earlier time runs, wherever that is', two(async ({ a, b, turn }) => {
      expect(await a.take('t', 200, 1000, true)).toBe(true)
      expect(await b.take('t', 300, 1000, true)).toBe(false)
      await turn(900)
      await a.renew('t', 200, 1000)
      await turn(900)
      expect(await b.take('t', 400, 1000, true)).toBe(false)
      await a.ended('t', 200)
      expect(await b.take('t', 500, 1000, true)).toBe(true)
      await a.ended('t', 200)
      expect(await a.take('t', 550, 1000, true)).toBe(false)
      await turn(1000)
      expect(await a.take('t', 600, 1000, true)).toBe(true)
    }))
    test('a run that was not ended is taken over once its lease is over', two(async ({ a, b, turn }) => {
      await a.take('t', 200, 1000, false)
      expect(await b.takeOver('t', 1000)).toBe(undefined)
      await turn(1000)
      expect([await b.takeOver('t', 1000), await a.takeOver('t', 1000)]).toEqual([200, undefined])
      await b.ended('t', 200)
      await turn(1000)
      expect(await a.takeOver('t', 1000)).toBe(undefined)
    }))
  })
})

describe('in SQLite', () => {
  test('a failed write is told to all that waited for it, and nothing is half there', async () => {
    const [[, open] = []] = STORES
    const deployment = await open!()
    const a = deployment.jobs('a')
    const bad = message('2', { text: null as never })
    const told = await Promise.allSettled([a.add('q', message('1')), a.add('q', bad), a.add('q', message('3'))])
    expect(told.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected'])
    expect(await a.waiting('q')).toBe(0)
    await a.add('q', message('1'))
    expect(await ids(a)).toEqual(['1'])
    await deployment.close()
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
    const folder = mkdtempSync(join(tmpdir(), 'unitgraph-folder-'))
    openDatabases(folder).durable.run('PRAGMA user_version = 99')
    closeDatabases(folder)
    expect(() => openDatabases(folder)).toThrow('version 99')
    expect(() => openDatabases('/proc/nowhere')).toThrow('/proc/nowhere can\'t be used')
    rmSync(folder, { recursive: true })
  })
})
