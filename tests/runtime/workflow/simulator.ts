/**
 * A world whose time, network and deaths a seed decides: several workers, each with a clock of its own, before one store
 * whose clock is the true one. Everything that happens is written down in its order; `invariants.ts` reads that.
 */
import { createLogger } from '../../../unitgraph/runtime/core/logger.ts'
import type * as executions from '../../../unitgraph/runtime/workflow/execution.ts'
import type { NewRun, Run } from '../../../unitgraph/runtime/workflow/run.ts'
import type { World } from '../../../unitgraph/runtime/workflow/steps.ts'
import type { Append, Claimed, Store } from '../../../unitgraph/runtime/workflow/store.ts'
import type * as wires from '../../../unitgraph/runtime/workflow/wire.ts'
import { readValue, writeValue } from '../../../unitgraph/runtime/workflow/values.ts'
import type * as workers from '../../../unitgraph/runtime/workflow/worker.ts'
import type * as worlds from '../../../unitgraph/runtime/workflow/world.ts'
import { chance } from './lab.ts'
import { interpret, VALUES, type Program, type Work } from './programs.ts'
import { createTime, pass, useIt } from './world.ts'

declare const setImmediate: (call: () => void) => unknown

/** The parts of the engine, which may be broken ones. */
export interface Engine {
  readonly createExecution: typeof executions.createExecution
  readonly createWorkflowWire: typeof wires.createWorkflowWire
  readonly createWorker: typeof workers.createWorker
  readonly createClock: typeof worlds.createClock
}

export type Code = (version: string, wire: Parameters<typeof interpret>[0], program: Program, work: Work) => Promise<unknown>

export interface Plan {
  readonly seed: number
  readonly engine: Engine
  readonly store: (now: () => number) => Store
  /** How many faults at most, and which. */
  readonly faults: number
  readonly kinds?: readonly Fault[] | undefined
  readonly runs: number
  /** By version, how many workers there are of it. */
  readonly versions?: readonly string[]
  /** Instead of programs, which nobody asks to end then. */
  readonly code?: Code
  /** Within how long runs are begun. */
  readonly overMs?: number
}

/** What happened, in the order in which it did; `at` is the store's time. */
export type Event = { readonly at: number; readonly n: number } & (
  | { readonly is: 'body'; readonly run: string; readonly step: string; readonly worker: string }
  | { readonly is: 'claim'; readonly runs: readonly Run[]; readonly worker: string }
  | { readonly is: 'append'; readonly given: Append; readonly ok: boolean; readonly worker: string }
  | { readonly is: 'told'; readonly given: Append }
  | { readonly is: 'run'; readonly run: Run }
  | { readonly is: 'start'; readonly given: NewRun; readonly answer: 'started' | 'known' | 'conflict' }
  | { readonly is: 'deliver'; readonly run: string; readonly messageId: string; readonly answer: string }
  /** Whoever keeps the limits apart from the runs has given it a token. */
  | { readonly is: 'token'; readonly run: string }
  /** Nobody works on it any more. */
  | { readonly is: 'over'; readonly run: string; readonly epoch: number }
  | { readonly is: 'fault'; readonly what: Fault; readonly worker: string }
)
export type Body<E> = E extends unknown ? Omit<E, 'at' | 'n'> : never

/** `ghost`: a call that failed as far as its worker knows takes effect a while later. */
export type Fault = 'crash before' | 'crash after' | 'lost request' | 'lost answer' | 'twice' | 'late' | 'ghost' | 'stopped' | 'crash'
  | 'dies before' | 'dies after' | 'replaced'
const OF_CALLS: readonly Fault[] = ['crash before', 'crash after', 'lost request', 'lost answer', 'twice', 'late', 'ghost', 'stopped']
/** While a step's body is at work. */
const OF_BODIES: readonly Fault[] = ['crash', 'stopped']

/** A call as it reached the store. */
export interface Call {
  readonly at: number
  readonly method: keyof Store
  readonly args: readonly unknown[]
}

export interface Story {
  readonly calls: readonly Call[]
  readonly events: readonly Event[]
  readonly runs: readonly Run[]
  /** How many faults there were. */
  readonly faults: number
  /** Why it came to no end, if it did not. */
  readonly stuck: string | undefined
  readonly plan: Plan
  readonly limits: ReadonlyMap<string, number>
}

const TTL_MS = 15_000
const LOOK_MS = 1000
/** A new one each time: what waits for it can be forgotten. */
const never = (): Promise<never> => new Promise(() => undefined)
export const START = 1_800_000_000_000

const all = async (store: Store): Promise<Run[]> => {
  const heads = await store.list({ limit: 1000 })
  return (await Promise.all(heads.map(({ id }) => store.load(id)))).filter((run) => run !== undefined)
}

/** What the same calls make of another store. */
export const again = async ({ calls }: Story, make: (now: () => number) => Store): Promise<Run[]> => {
  let now = START
  const store = make(() => now)
  for (const { at, method, args } of calls) {
    now = at
    await (store[method] as (...given: readonly unknown[]) => Promise<unknown>)(...args).catch(() => undefined)
  }
  const runs = await all(store)
  await store.close()
  return runs
}

export const simulate = async (plan: Plan): Promise<Story> => {
  const { seed, engine, kinds, versions = ['1', '1', '1'], overMs = 5000, code = (_version, wire, program, work) => interpret(wire, program, work) } = plan
  const random = chance(seed * 2654435761)
  const some = (least: number, most: number): number => least + Math.floor(random() * (most - least + 1))
  const time = createTime(START)
  const { later, fly } = time
  const store = plan.store(time.now)
  const events: Event[] = []
  const write = (event: Body<Event>): void => void events.push({ ...event, at: time.now(), n: events.length } as Event)
  const calls: Call[] = []

  /** What is so afterwards. */
  const look = async (ids: Iterable<string>): Promise<void> => {
    for (const id of new Set(ids)) {
      const run = await store.load(id)
      if (run) write({ is: 'run', run })
    }
  }
  /** One call reaches the store: what it is, what it gives, and what is so then, are one moment. */
  let queue: Promise<unknown> = Promise.resolve()
  const reach = (worker: string, method: keyof Store, args: readonly unknown[]): Promise<unknown> => {
    const act = async (): Promise<unknown> => {
      calls.push({ at: time.now(), method, args })
      const answer = await (store[method] as (...given: readonly unknown[]) => Promise<unknown>)(...args)
      if (method === 'claim') {
        const { runs } = answer as Claimed
        if (runs.length > 0) write({ is: 'claim', runs, worker })
        await look(runs.map(({ head }) => head.id))
      } else if (method === 'append') {
        const given = args[0] as Append
        write({ is: 'append', given, ok: (answer as { is: string }).is === 'ok', worker })
        await look([given.id])
      } else if (method === 'deliver') {
        const [run, { messageId }] = args as [string, { messageId: string }]
        write({ is: 'deliver', run, messageId, answer: (answer as { is: string }).is })
        await look([run])
      } else if (method === 'start') {
        const given = args[0] as NewRun
        write({ is: 'start', given, answer: (answer as { is: 'started' }).is })
        await look([given.id])
      } else if (method === 'release') await look((await store.list({ limit: 1000 })).map(({ id }) => id))
      else if (method === 'cancel') await look([args[0] as string])
      return answer
    }
    const done = queue.then(act, act)
    queue = done.catch(() => undefined)
    return fly(done)
  }

  let faults = 0
  // most calls look for what is due: others get as many faults, and bodies
  const counts = { looks: 0, others: 0, bodies: 0 }
  const due = new Map<string, Fault>()
  const plans = [['others', 20, OF_CALLS], ['bodies', 6, OF_BODIES], ['looks', 60, OF_CALLS]] as const
  for (let n = 0; n < plan.faults; n += 1) {
    const [where, most, of] = plans[n % plans.length] as (typeof plans)[number]
    const those = of.filter((kind) => kinds?.includes(kind) ?? true)
    if (those.length > 0) due.set(`${where} ${some(1, most * plan.runs)}`, those[some(0, those.length - 1)] as Fault)
  }
  const faultAt = (where: keyof typeof counts, worker: string): Fault | undefined => {
    const fault = due.get(`${where} ${(counts[where] += 1)}`)
    if (fault) {
      faults += 1
      write({ is: 'fault', what: fault, worker })
    }
    return fault
  }

  const logger = createLogger({ level: 'silent' })
  const alive = new Set<string>()

  const spawn = (name: string, version: string): void => {
    let isDead = false
    let stoppedUntil = 0
    const [born, skew, drift] = [time.now(), some(-1e9, 1e9), 1 + (random() - 0.5) * 4e-4]
    const monotonic = (): number => (time.now() - born) * drift
    const clock = engine.createClock(monotonic, born + skew)
    alive.add(name)

    /** Happens here, if this worker is there and at work. */
    const here = (call: () => void): void => {
      if (isDead) return
      if (time.now() < stoppedUntil) later(stoppedUntil - time.now(), () => here(call))
      else call()
    }
    const pause = (ms: number): Promise<void> => new Promise((resolve) => void later(ms, () => here(resolve)))
    const die = (): Promise<never> => {
      isDead = true
      alive.delete(name)
      later(some(1, 4000), () => spawn(`${name}'`, version))
      return never()
    }
    const call = async (method: keyof Store, args: readonly unknown[]): Promise<unknown> => {
      if (isDead) return never()
      const fault = faultAt(method === 'claim' || method === 'purge' ? 'looks' : 'others', name)
      if (fault === 'crash before') return die()
      if (fault === 'stopped') stoppedUntil = time.now() + some(16_000, 40_000)
      await pause(fault === 'late' ? some(10_000, 30_000) : some(0, 15))
      if (fault === 'ghost') later(some(100, 5000), () => void reach(name, method, args).catch(() => undefined))
      if (fault === 'lost request' || fault === 'ghost') throw new Error('The store could not be reached')
      const answer = await reach(name, method, args)
      if (fault === 'twice') await reach(name, method, args)
      if (fault === 'crash after') return die()
      await pause(some(0, 15))
      if (fault === 'lost answer') throw new Error('The answer was lost')
      if (method === 'append' && (answer as { is: string }).is === 'ok') write({ is: 'told', given: args[0] as Append })
      return answer
    }
    const seen = new Proxy(store, { get: (_target, method: keyof Store) => (...args: unknown[]) => call(method, args) })
    const turn = (): Promise<void> => fly(new Promise<void>((resolve) => void setImmediate(resolve)))
      .then(() => (isDead ? never() : time.now() < stoppedUntil ? pause(0) : undefined))
    const world: World = { store: seen, now: () => clock.now(), turn, after: (ms, go) => later(ms / drift, () => here(go)), random }

    const work = async (run: string, step: string, gives: unknown, takesMs = 100): Promise<unknown> => {
      if (isDead) return never()
      write({ is: 'body', run, step, worker: name })
      const fault = faultAt('bodies', name)
      if (fault === 'crash') {
        later(some(0, takesMs), () => void (isDead || die()))
        // before anybody has taken it up
        if (!plan.code && random() < 0.5) later(takesMs + some(0, 5000), () => ask('cancel', run, 'it died'))
      }
      if (fault === 'stopped') stoppedUntil = time.now() + some(16_000, 40_000)
      await pause(some(0, takesMs))
      return gives
    }
    const worker = engine.createWorker({
      id: name, store: seen, clock, world, versions: { program: version, child: version }, most: 100, ttlMs: TTL_MS, lookMs: LOOK_MS, monotonic, logger,
      execute: async (run, its) => engine.createExecution(run, its, async (live) => {
        const { id } = run.head
        const { wire } = engine.createWorkflowWire(live, {
          node: () => Promise.reject(new Error('Graphs are tried by themselves')),
          call: async (functionId, data, step) => {
            const { gives, fails, takesMs } = data as { gives?: number; fails?: number; takesMs?: number }
            const given = await work(id, step.stepName, VALUES[gives ?? 0], takesMs)
            if (functionId === 'fail') throw new Error('It was to fail')
            if (step.attempt <= (functionId === 'undo' ? 0 : fails ?? 0)) throw new Error('Try again')
            return given
          },
          isWorkflow: (functionId) => functionId === 'child',
          startChild: async (child, data, childId, parent) => {
            await seen.start({ id: childId, name: child, version, input: writeValue(data), parentId: parent.id, parentKey: parent.key })
            worker.kick()
          },
        })
        return () => (isDead ? never() : code(version, wire, readValue(run.input) as Program, (step, gives) => work(id, step, gives)))
      }),
    })
    worker.start()
  }

  const ask = (method: keyof Store, ...args: readonly unknown[]): void => void reach('user', method, args).catch(() => undefined)
  const limits = useIt(time, random, {
    start: (run) => ask('start', run), deliver: (id, message) => ask('deliver', id, message), cancel: (id, reason) => ask('cancel', id, reason),
    load: (id) => store.load(id),
  }, { runs: plan.runs, overMs, versions, isEnded: !plan.code })
  for (const [index, version] of versions.entries()) spawn(`w${index}`, version)

  const isOver = async (): Promise<boolean> => {
    const heads = await fly(store.list({ limit: 1000 }))
    return heads.length >= plan.runs && heads.every(({ finishedAt }) => finishedAt !== null)
  }
  const why = await pass(time, () => events.length, isOver, 40_000 + overMs)
  const unfinished = async (): Promise<string> => (await store.list({ limit: 1000 })).filter(({ finishedAt }) => finishedAt === null)
    .map(({ id, status, dueAt, reason }) => `${id} ${status} ${dueAt} ${reason ?? ''}`).join('; ')
  const stuck = why && `${why}: ${await unfinished()}`
  const runs = await all(store)
  await store.close()
  return { calls, events, runs, faults, stuck, plan, limits }
}
