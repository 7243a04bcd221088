/** Sources of triggers in a process: started, called through, started anew, ended. */
import { expect, test } from 'bun:test'
import { ConflictError, pikkuMiddleware, pikkuSessionlessFunc, pikkuTriggerFunc } from '#pikku'
import { createHost } from '../../unitgraph/runtime/core/host.ts'
import type { Host } from '../../unitgraph/runtime/core/unit.ts'
import { createGauge } from '../../unitgraph/runtime/server/shutdown.ts'
import { triggers, type TriggerEntry } from '../../unitgraph/runtime/server/triggers.ts'
import { createUnits } from '../../unitgraph/runtime/server/units.ts'
import { unit } from '../../unitgraph/runtime/unit.ts'

interface Line { level: string; message: string; [field: string]: unknown }

/** A process with one unit of these functions, and one trigger between `source` and `target`. */
const running = (source: unknown, target: unknown, more: { tags?: string[]; middleware?: object; env?: object; input?: unknown } = {}) => {
  const host: Host = createHost({ project: 'shop' }, { LOG_LEVEL: 'silent' })
  const options = { unit: 'shop-server', functions: { source: { value: source }, target: { value: target } }, middleware: more.middleware ?? {} }
  const units = createUnits([], { 'shop-server': { functions: ['source', 'target'], load: async () => ({ default: unit(options as never) }) } }, () => host)
  const lines: Line[] = []
  const heard: { wanted(line: Line): boolean; resolve(line: Line): void }[] = []
  const say = (level: string) => (said: unknown, fields: object = {}) => {
    const line = { level, message: said instanceof Error ? said.message : String(said), ...fields }
    lines.push(line)
    for (const { wanted, resolve } of heard) if (wanted(line)) resolve(line)
  }
  const logger = { info: say('info'), error: say('error'), warn: say('warn'), debug: say('debug'), trace: say('trace') }
  const gauge = createGauge()
  const entry: TriggerEntry = { name: 'bell', source: 'source', target: 'target', tags: more.tags ?? [], input: more.input }
  const background = triggers([entry], { againMs: 1, longestMs: 4 })
  background.open({ ...more.env } as never, 'shop')
  background.start({ units, logger: logger as never, signal: new AbortController().signal, run: gauge.run })
  return {
    lines,
    line: (wanted: (line: Line) => boolean) => {
      const found = lines.find(wanted)
      return found ? Promise.resolve(found) : new Promise<Line>((resolve) => heard.push({ wanted, resolve }))
    },
    health: () => background.health?.(),
    stop: async () => { background.stop(); await gauge.idle() },
  }
}
const started = (line: Line) => line.message === 'trigger source started'

test('a source is given its input, calls its function, and is closed with the process', async () => {
  const said: unknown[] = []
  const source = pikkuTriggerFunc<{ from: number }, { n: number }>(async (_s, { from }, { trigger, transport, session, signal }) => {
    said.push([transport, session ?? null])
    await trigger.invoke({ n: from })
    signal.addEventListener('abort', () => said.push('signal'))
    return async () => { await Promise.resolve(); said.push('closed') }
  })
  const target = pikkuSessionlessFunc(async (_s, data, { transport }) => { said.push([transport, data]) })
  const app = running(source, target, { input: { from: 7 } })
  await app.line(started)
  expect(app.health()).toEqual({ triggers: { bell: 'running' } })
  await app.stop()
  expect(said).toEqual([['trigger', null], ['trigger', { n: 7 }], 'signal', 'closed'])
  expect(app.health()).toEqual({ triggers: { bell: 'ended' } })
  expect(app.lines.filter(({ message }) => message === 'trigger done').length).toBe(1)
})

test('the tags of the trigger bring their middleware', async () => {
  const seen: unknown[] = []
  const loud = pikkuMiddleware(async (_s, { transport }, next) => { seen.push(transport); return next() })
  const app = running(
    pikkuTriggerFunc(async (_s, _d, { trigger }) => { await trigger.invoke(1); return () => undefined }),
    pikkuSessionlessFunc(async () => { seen.push('target') }), { tags: ['loud'], middleware: { loud: [loud] } },
  )
  await app.line(started)
  await app.stop()
  expect(seen).toEqual(['trigger', 'target'])
})

test('a function that fails is in the log, and its source may know', async () => {
  const known = Promise.withResolvers<unknown>()
  const app = running(
    pikkuTriggerFunc(async (_s, _d, { trigger }) => {
      void trigger.invoke(1)
      known.resolve(await trigger.invoke(2).catch((error: unknown) => error))
      return () => undefined
    }),
    pikkuSessionlessFunc(async () => { throw new ConflictError('taken') }),
  )
  expect(await known.promise).toBeInstanceOf(ConflictError)
  await app.line(started)
  await app.stop()
  expect(app.lines.filter(({ code }) => code === 'trigger-failed').map(({ message, trigger }) => [message, trigger])).toEqual([['taken', 'bell'], ['taken', 'bell']])
})

test('a source that can\'t start is tried again, later each time, and then runs', async () => {
  let tries = 0
  const app = running(
    pikkuTriggerFunc(async () => { if (++tries < 5) throw new Error(`try ${tries}`); return () => undefined }),
    pikkuSessionlessFunc(async () => undefined),
  )
  await app.line(started)
  const failures = app.lines.filter(({ code }) => code === 'trigger-source-failed')
  expect(failures.map(({ message, againMs }) => [message, againMs])).toEqual([['try 1', 1], ['try 2', 2], ['try 3', 4], ['try 4', 4]])
  await app.stop()
})

test('a source that says it has failed is closed and started anew', async () => {
  const closed: number[] = []
  let tries = 0
  const app = running(
    pikkuTriggerFunc(async (_s, _d, { trigger }) => {
      const mine = ++tries
      if (mine === 1) setTimeout(() => trigger.fail(new Error('connection lost')), 0)
      return () => { closed.push(mine) }
    }),
    pikkuSessionlessFunc(async () => undefined),
  )
  await app.line(({ code, message }) => code === 'trigger-source-failed' && message === 'connection lost')
  while (tries < 2) await app.line(started).then(() => new Promise((resolve) => setTimeout(resolve, 1)))
  await app.stop()
  expect(closed).toEqual([1, 2])
})

test('what can\'t be closed is said, and ends nothing else', async () => {
  const app = running(
    pikkuTriggerFunc(async () => () => { throw new Error('stuck') }), pikkuSessionlessFunc(async () => undefined),
  )
  await app.line(started)
  await app.stop()
  expect(app.lines.find(({ code }) => code === 'trigger-source-not-closed')?.message).toBe('stuck')
})

test('a source that is ended can\'t call any more', async () => {
  const kept = Promise.withResolvers<(data: unknown) => Promise<void>>()
  const calls: unknown[] = []
  const app = running(
    pikkuTriggerFunc<void, unknown>(async (_s, _d, { trigger }) => { kept.resolve(trigger.invoke); return () => undefined }),
    pikkuSessionlessFunc(async (_s, data) => { calls.push(data) }),
  )
  const call = await kept.promise
  await app.line(started)
  await app.stop()
  await expect(call(1)).rejects.toMatchObject({ name: 'InternalServerError' })
  expect(calls).toEqual([])
})

test('a process of several may leave them to another', async () => {
  let starts = 0
  const app = running(pikkuTriggerFunc(async () => { starts += 1; return () => undefined }), pikkuSessionlessFunc(async () => undefined), { env: { UNITGRAPH_TRIGGERS: 'off' } })
  await app.stop()
  expect([starts, app.health()]).toEqual([0, { triggers: {} }])
  expect(() => triggers([]).open({ UNITGRAPH_TRIGGERS: 'maybe' }, 'shop')).toThrow('UNITGRAPH_TRIGGERS')
})
