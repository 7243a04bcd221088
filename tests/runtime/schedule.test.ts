/** Tasks by the clock: one in a process whose clock the test sets, and Cloudflare's triggers. */
import { afterAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createHost } from '../../unitgraph/runtime/core/host.ts'
import { createUnit } from '../../unitgraph/runtime/core/unit.ts'
import * as pieces from '../../unitgraph/runtime/pieces.ts'
import { worker } from '../../unitgraph/runtime/entry/cloudflare.ts'
import { events } from '../../unitgraph/runtime/entry/events.ts'
import { schedule } from '../../unitgraph/runtime/schedule/index.ts'
import { scheduled } from '../../unitgraph/runtime/schedule/cloudflare.ts'
import { closeDatabases, openDatabases } from '../../unitgraph/runtime/server/sqlite/database.ts'
import { openStore } from '../../unitgraph/runtime/server/sqlite/store.ts'
import { createTicks } from '../../unitgraph/runtime/server/sqlite/ticks.ts'
import { schedules, type ScheduleEntry } from '../../unitgraph/runtime/server/schedules.ts'
import { pikkuFunc, pikkuVoidFunc } from '#pikku'
import { logged } from './helpers.ts'
import * as jobs from './jobs/functions.ts'

const root = mkdtempSync(join(tmpdir(), 'unitgraph-schedules-'))
afterAll(() => rmSync(root, { recursive: true }))
const platform = { signal: new AbortController().signal, waitUntil: () => undefined }

describe('a task', () => {
  const tasks = (entries: { name: string; value: unknown; options?: object }[]) => {
    const unit = createUnit({
      unit: 'u', pieces, middleware: { said: [jobs.aroundTag] }, functions: Object.fromEntries(entries.map(({ name, value }) => [name, { value }])),
    }, createHost({ project: 'p' }, {}))
    return schedule(entries.map(({ name, options }) => ({ name, schedule: '0 3 * * *', function: name, ...(options && { options }) }))).start(unit)
  }
  const at = new Date('2026-03-01T03:00:00Z')
  test('knows its name and its time, and has the middleware of its wiring and of its tags', async () => {
    const options = { tags: ['said'], middleware: [jobs.aroundWiring] }
    const said = await logged(() => tasks([{ name: 'tick', value: jobs.tick, options }]).get('tick')!.run(at, platform))
    expect(said.map(({ msg, task }) => [msg, task])).toEqual([['around the wiring', 'tick'], ['around the tag', 'tick'], ['ticked', 'tick'], ['task done', 'tick']])
    expect(said[2]).toMatchObject({ name: 'tick', schedule: '0 3 * * *', at: '2026-03-01T03:00:00.000Z', transport: 'scheduler', executionTime: '2026-03-01T03:00:00.000Z' })
  })
  test.each<[string, unknown, object, string]>([
    ['an error', jobs.stumble, {}, 'stumbled'], ['no error', pikkuVoidFunc(async () => { throw 'text' }), {}, 'Something was thrown that is no error: text'],
    ['nobody signed in', pikkuFunc(async () => 1), {}, 'A session is needed'], ['not permitted', jobs.tick, { permissions: { nobody: async () => false } }, 'Forbidden'],
  ])('that fails says so once: %s', async (_what, value, options, message) => {
    let isGood: boolean | undefined
    const said = await logged(async () => { isGood = await tasks([{ name: 't', value, options }]).get('t')!.run(at, platform) })
    expect([isGood, said.map(({ msg, code, task, level }) => [msg, code, task, level])]).toEqual([false, [[message, 'task-failed', 't', 'error']]])
  })
})

describe('on Cloudflare', () => {
  const ran: string[] = []
  const saying = (name: string) => pikkuVoidFunc(async (_s, _d, { scheduledTask }) => {
    ran.push(`${name} ${scheduledTask?.executionTime.getTime()}`)
    if (name === 'bad') throw new Error('no')
  })
  const made = worker({
    project: 'p', unit: 'u', functions: { one: { value: saying('one') }, two: { value: saying('two') }, bad: { value: saying('bad') } },
    schedule: schedule(['one', 'two', 'bad'].map((name) => ({ name, schedule: '0 3 * * 1', function: name }))),
    on: events({ scheduled: scheduled({ '0 3 * * mon': ['one', 'two'], '* * * * *': ['bad', 'one'] }) }),
  })
  const fire = async (cron: string): Promise<unknown> => {
    ran.length = 0
    return made.scheduled!({ cron, scheduledTime: 5 }, { LOG_LEVEL: 'silent' }, { waitUntil: () => undefined }).catch((error: Error) => error.message)
  }
  test('every task of an expression runs', async () => {
    expect([await fire('0 3 * * mon'), ran.sort()]).toEqual([undefined, ['one 5', 'two 5']])
  })
  test('one that fails fails the event, and keeps no other', async () => {
    expect([await fire('* * * * *'), ran.sort()]).toEqual(['Failed: bad', ['bad 5', 'one 5']])
  })
  test.each(['0 4 * * *', 'constructor'])('%s is nobody\'s', async (cron) => {
    expect(await fire(cron)).toBe(`u has no task for ${cron}`)
  })
})

describe('in a process', () => {
  let count = 0
  const START = Date.parse('2026-03-01T10:30:30Z')
  const deployment = () => {
    const folder = join(root, `data-${count += 1}`)
    const clock = { ms: START }
    const ran: string[] = []
    const warned: string[] = []
    const held = { until: Promise.resolve() as Promise<unknown> }
    /** A process with the task: what it has under way, and its end. */
    const open = async () => {
      const databases = openDatabases(folder)
      return { ...openStore({ UNITGRAPH_DATA: folder }, 'p'), ticks: () => createTicks(databases, () => clock.ms), close: () => { closeDatabases(folder); closeDatabases(folder) } }
    }
    const start = async (more: Partial<ScheduleEntry> = {}, signal = new AbortController().signal) => {
      const background = schedules([{ name: 't', schedule: '0 * * * *', unit: 'u', missed: 'skip', overlap: 'allow', ...more }], open)
      const work: Promise<unknown>[] = []
      const task = { name: 't', run: async (at: Date) => { ran.push(at.toISOString().slice(11, 16)); await held.until; return true } }
      await background.open({}, 'p')
      const logger = { warn: (text: string) => warned.push(text), error: (error: Error) => warned.push(String(error)) }
      await background.start({
        units: { start: async () => ({ tasks: new Map([['t', task]]) }) } as never, logger: logger as never, signal,
        run: (one) => { work.push(one); return one },
      })
      return { settled: () => Promise.all(work), end: async () => { background.stop(); await background.close() } }
    }
    return { clock, ran, warned, start, held }
  }
  const HOUR_MS = 3_600_000

  /** Ran with the task, stopped for some hours, then started again. */
  const after = async (hours: number, more: Partial<ScheduleEntry>) => {
    const { clock, ran, start } = deployment()
    await (await start(more)).end()
    clock.ms += hours * HOUR_MS
    const again = await start(more)
    await again.settled()
    await again.end()
    const third = await start(more)
    await third.settled()
    await third.end()
    return ran
  }
  test.each<[string, number, Partial<ScheduleEntry>, string[]]>([
    ['skipped', 5, {}, []], ['made up for, once', 5, { missed: 'run' }, ['15:00']], ['none', 0.1, { missed: 'run' }, []],
  ])('what was missed while nothing ran is %s', async (_what, hours, more, expected) => {
    expect(await after(hours, more)).toEqual(expected)
  })
  test('a task that is new has missed nothing', async () => {
    const { ran, start } = deployment()
    const first = await start({ missed: 'run' })
    await first.settled()
    await first.end()
    expect(ran).toEqual([])
  })
  test('a run that ended with its process is made up for as well', async () => {
    const { clock, ran, start, held } = deployment()
    await (await start({ missed: 'run' })).end()
    clock.ms += HOUR_MS
    const ending = new AbortController()
    const release = Promise.withResolvers<void>()
    held.until = release.promise
    const killed = await start({ missed: 'run' }, ending.signal)
    ending.abort()
    release.resolve()
    await killed.settled()
    await killed.end()
    clock.ms += 60_000
    const again = await start({ missed: 'run' })
    await again.settled()
    await again.end()
    expect(ran).toEqual(['11:00', '11:00'])
  })
  test('alone: a time that comes while the last one runs is left out, and said', async () => {
    const { clock, ran, warned, start, held } = deployment()
    const more = { missed: 'run', overlap: 'skip' } as const
    await (await start(more)).end()
    clock.ms += HOUR_MS
    const release = Promise.withResolvers<void>()
    held.until = release.promise
    const first = await start(more)
    clock.ms += 20_000
    const second = await start({ ...more, schedule: '*/10 * * * *' })
    clock.ms += 1000
    await second.settled()
    release.resolve()
    await first.settled()
    await first.end()
    await second.end()
    expect([ran, warned]).toEqual([['11:00'], ['The task was not started: its last run goes on']])
  })
  test('its time comes by itself', async () => {
    const { clock, ran, start } = deployment()
    clock.ms = Date.parse('2026-03-01T10:59:59.950Z')
    const running = await start()
    const begun = performance.now()
    const real = clock.ms
    Object.defineProperty(clock, 'ms', { get: () => Math.floor(real + performance.now() - begun) })
    while (ran.length === 0) await new Promise((resolve) => setTimeout(resolve, 5))
    await running.settled()
    await running.end()
    expect(ran).toEqual(['11:00'])
  })
})
