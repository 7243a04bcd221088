/**
 * A run's object that dies at every single write: what storage has of it is whole, an alarm is always there for a run that
 * goes on, and what was begun ends. Storage is held to Cloudflare's word: writes of one turn are one, an alarm's handler
 * that didn't end is called again unless another alarm was set, and of an object that died nothing more is heard.
 */
import { Database } from 'bun:sqlite'
import { afterAll, expect, setSystemTime, test } from 'bun:test'
import { RUNS, ask, call, type Namespace } from '../../../unitgraph/runtime/workflow/cloudflare/calls.ts'
import { listOf } from '../../../unitgraph/runtime/workflow/cloudflare/listing.ts'
import { runs, WorkflowRun } from '../../../unitgraph/runtime/workflow/cloudflare/object.ts'
import { createExecution } from '../../../unitgraph/runtime/workflow/execution.ts'
import type { Head, Run } from '../../../unitgraph/runtime/workflow/run.ts'
import type { World } from '../../../unitgraph/runtime/workflow/steps.ts'
import { readValue, writeValue } from '../../../unitgraph/runtime/workflow/values.ts'
import { approvalType, createWorkflowWire } from '../../../unitgraph/runtime/workflow/wire.ts'

const DEAD = new Promise<never>(() => undefined)
/** How long whoever asks waits before asking again. */
const LATE_MS = 20
const AGAIN_MS = 2000
const BODIES = ['One', 'Two']

interface Kept {
  readonly values: Map<string, unknown>
  readonly sql: Database
  alarm: number | null
}

/** All objects of a namespace; the `deadly`-th write, counted from 1, is the last of whoever makes it. The list can't be asked for the first `deaf` times. */
const createPlace = (deadly: number, isWritten: boolean, deaf: number) => {
  const kept = new Map<string, Kept>()
  const alive = new Map<string, { isDead: boolean; object: WorkflowRun }>()
  const ledger: string[] = []
  let writes = 0

  const keptOf = (name: string): Kept => {
    const known = kept.get(name) ?? { values: new Map(), sql: new Database(':memory:'), alarm: null }
    kept.set(name, known)
    return known
  }

  const objectOf = (name: string): WorkflowRun => {
    const known = alive.get(name)
    if (known) return known.object
    const { values, sql } = keptOf(name)
    const life = { isDead: false, object: undefined as unknown as WorkflowRun }
    let turn: { works: (() => void)[]; over: Promise<void> } | undefined
    const commit = async (works: readonly (() => void)[]): Promise<void> => {
      await undefined
      turn = undefined
      if (life.isDead) return DEAD
      writes += 1
      const isLast = writes === deadly
      if (!isLast || isWritten) for (const work of works) work()
      if (!isLast) return
      life.isDead = true
      alive.delete(name)
      return DEAD
    }
    const write = (work: () => void): Promise<void> => {
      if (life.isDead) return DEAD
      if (turn) turn.works.push(work)
      else {
        const works = [work]
        turn = { works, over: commit(works) }
      }
      return turn.over
    }
    const storage = {
      get: async (key: string) => (life.isDead ? DEAD : structuredClone(values.get(key))),
      list: async () => structuredClone(values),
      put: (entries: Readonly<Record<string, unknown>>) => {
        const copied = structuredClone(entries)
        return write(() => { for (const [key, value] of Object.entries(copied)) values.set(key, value) })
      },
      setAlarm: (at: number) => write(() => void (keptOf(name).alarm = at)),
      deleteAlarm: () => write(() => void (keptOf(name).alarm = null)),
      deleteAll: () => write(() => { values.clear(); keptOf(name).alarm = null }),
      sql: { exec: (query: string, ...given: readonly (string | number | null)[]) => {
        const rows = sql.query<Readonly<Record<string, unknown>>>(query).all(...given)
        return { toArray: () => rows }
      } },
    }
    const state = { storage, waitUntil: () => undefined, blockConcurrencyWhile: <T>(work: () => Promise<T>) => work() }
    life.object = new WorkflowRun(state as never, { [RUNS]: namespace })
    alive.set(name, life)
    return life.object
  }

  const namespace: Namespace = {
    idFromName: (name) => name,
    idFromString: (name) => name,
    get: (name) => ({
      fetch: async (url, init) => {
        if (name === listOf('order') && (deaf -= 1) >= 0) return new Response('', { status: 500 })
        const late = new Promise<never>((_resolve, reject) => setTimeout(() => reject(new Error('No answer')), LATE_MS))
        return Promise.race([objectOf(String(name)).fetch(new Request(url, init)), late])
      },
    }),
  }

  /** Asks until there is an answer. */
  const surely = async <T>(asking: () => Promise<T>): Promise<T> => {
    for (;;) {
      try {
        return await asking()
      } catch {
        checkAlarms()
      }
    }
  }

  /** Every run that isn't at its end, and that nobody has to wake, has an alarm. */
  const checkAlarms = (): void => {
    for (const [name, { values, alarm }] of kept) {
      const { head } = (values.get('run') ?? {}) as { head?: Head }
      if (!head || (head.status === 'waiting' && head.dueAt === null) || head.finishedAt !== null) continue
      expect([name, head.status, alarm !== null || ringing.has(name)]).toEqual([name, head.status, true])
    }
  }

  /** Objects whose alarm's handler hasn't come to its end. */
  const ringing = new Set<string>()
  const ring = async (): Promise<boolean> => {
    const [due] = [...kept].filter(([, { alarm }]) => alarm !== null).sort(([, a], [, b]) => (a.alarm ?? 0) - (b.alarm ?? 0))
    if (!due) return false
    const [name, its] = due
    setSystemTime(Math.max(its.alarm ?? 0, Date.now()))
    its.alarm = null
    ringing.add(name)
    const life = (objectOf(name), alive.get(name))
    const died = (async () => { while (!life?.isDead) await new Promise((resolve) => setTimeout(resolve, 1)) })()
    const isOver = await Promise.race([life?.object.alarm().then(() => true), died.then(() => false)])
    if (!isOver) its.alarm ??= Date.now() + AGAIN_MS
    ringing.delete(name)
    checkAlarms()
    return true
  }

  runs()(async () => ({
    unit: {
      name: 'unit', host: { services: async () => ({ workflowState: { versions: { order: '1' } } }) },
      options: { workflows: { start: () => new Map([['order', { execute: (run: Run, world: World) => createExecution(run, world, async (steps) => {
        const { wire } = createWorkflowWire(steps, { isWorkflow: () => false } as never)
        return async () => {
          const one = await wire.do('One', async () => void ledger.push('One'))
          await wire.sleep('Night', '8h')
          const { approved } = await wire.approval('Boss')
          await wire.do('Two', async () => void ledger.push('Two'))
          return { one: one ?? 'done', approved, given: readValue(run.input) }
        }
      }) }]]) } },
    },
  }) as never)

  return {
    ledger, surely, ring, kept,
    get writes() { return writes },
    get: <Name extends 'start' | 'load' | 'deliver'>(name: Name, ...given: Parameters<typeof ask<Name>> extends [unknown, unknown, unknown, ...infer Rest] ? Rest : never) =>
      surely(() => ask(namespace, 'r1', name, ...(given as never))),
    listed: () => surely(() => call(namespace, listOf('order'), 'listed', { limit: 9 }) as Promise<Head[]>),
  }
}

/** One run from its beginning until it is forgotten. */
const live = async ({ deadly = 0, isWritten = true, deaf = 0 } = {}) => {
  setSystemTime(1_800_000_000_000)
  const place = createPlace(deadly, isWritten, deaf)
  await place.get('start', { id: 'r1', name: 'order', version: '0', input: writeValue({ id: 'o1' }) })
  const status = async (): Promise<string | undefined> => ((await place.get('load', 'r1')) as Run | undefined)?.head.status
  const until = async (is: () => Promise<boolean>): Promise<void> => {
    for (let rings = 0; !(await is()); rings += 1) {
      expect(rings).toBeLessThan(30)
      await place.ring()
    }
  }
  const asleep = 1_800_000_000_000 + 8 * 3_600_000
  await until(async () => (await status()) === 'waiting' && Date.now() >= asleep)
  await place.get('deliver', 'r1', { messageId: approvalType('Boss'), type: approvalType('Boss'), by: 'ann', key: 'Boss', payload: writeValue({ approved: true }) })
  await until(async () => (await status()) === 'completed' && (await place.listed())[0]?.status === 'completed')
  const run = (await place.get('load', 'r1')) as Run
  await until(async () => (await status()) === undefined && (await place.listed()).length === 0)
  return { run, ledger: place.ledger, writes: place.writes, left: place.kept.get('r1')?.values.size, now: Date.now() }
}

afterAll(() => void setSystemTime())

test('a run ends, is listed, kept for as long as it is to be, and then forgotten', async () => {
  const { run, ledger, left, now } = await live()
  expect(readValue(run.output)).toEqual({ one: 'done', approved: true, given: { id: 'o1' } })
  expect([run.head.version, ledger, left]).toEqual(['1', BODIES, 0])
  expect(now - (run.head.finishedAt ?? 0)).toBeGreaterThanOrEqual(run.head.retentionMs)
})

test('a list that can not be asked for a while hears of it later', async () => {
  for (const deaf of [1, 2, 3, 7]) expect((await live({ deaf })).ledger).toEqual(BODIES)
})

test('so it does when its object dies at any write, before it or after it', async () => {
  const { writes } = await live()
  expect(writes).toBeGreaterThan(10)
  for (let deadly = 1; deadly <= writes; deadly += 1) {
    for (const isWritten of [false, true]) {
      const { run, ledger, left } = await live({ deadly, isWritten })
      const at = `write ${deadly}, ${isWritten ? 'after' : 'before'} it`
      expect([at, readValue(run.output), left]).toEqual([at, { one: 'done', approved: true, given: { id: 'o1' } }, 0])
      const words = run.journal.filter(({ phase, kind }) => phase === 'done' && kind === 'inline').map(({ key }) => key)
      expect([at, words]).toEqual([at, BODIES])
      for (const body of BODIES) expect(ledger.filter((one) => one === body).length).toBeLessThanOrEqual(2)
    }
  }
}, 60_000)
