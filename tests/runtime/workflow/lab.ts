/**
 * Workflows in a world whose clock is ours: workers that can die at any call of the store, a store in memory or another
 * one, and a ledger of what was really done.
 */
import { createLogger } from '../../../unitgraph/runtime/core/logger.ts'
import { createExecution } from '../../../unitgraph/runtime/workflow/execution.ts'
import type { Hidden } from '../../../unitgraph/runtime/workflow/hidden.ts'
import type { World } from '../../../unitgraph/runtime/workflow/steps.ts'
import { createMemoryStore } from '../../../unitgraph/runtime/workflow/memory.ts'
import type { Run } from '../../../unitgraph/runtime/workflow/run.ts'
import type { Store } from '../../../unitgraph/runtime/workflow/store.ts'
import { readError, readValue, writeValue } from '../../../unitgraph/runtime/workflow/values.ts'
import { createWorkflowWire, type StepCall } from '../../../unitgraph/runtime/workflow/wire.ts'
import { createWorker, type Worker } from '../../../unitgraph/runtime/workflow/worker.ts'
import type { WorkflowWire } from '../../../unitgraph/runtime/types/workflow.ts'

/** What else a worker reaches: calls of it count with those of the store, and are as deadly. */
export interface Reached {
  through<T>(work: () => Promise<T>): Promise<T>
  /** No time passes until it is over. */
  track(answer: Promise<unknown>): void
  /** When the worker is no more. */
  readonly died: Promise<void>
}
export type Code = (workflow: WorkflowWire, data: any, reached: Reached) => Promise<unknown>
export type Step = (data: any, step: StepCall, signal: AbortSignal) => unknown

export interface Line {
  readonly run: string
  readonly step: string
  readonly attempt: number
  readonly at: number
}

declare const setImmediate: (call: () => void) => unknown

export const turns = async (count = 6): Promise<void> => {
  for (let turn = 0; turn < count; turn += 1) await new Promise<void>((resolve) => void setImmediate(resolve))
}

/** A generator of numbers that a seed decides (mulberry32). */
export const chance = (seed: number) => (): number => {
  seed = (seed + 0x6d2b79f5) | 0
  let t = Math.imul(seed ^ (seed >>> 15), 1 | seed)
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
  return ((t ^ (t >>> 14)) >>> 0) / 4294967296
}

export interface LabOptions {
  readonly workflows: Readonly<Record<string, Code>>
  readonly steps?: Readonly<Record<string, Step>>
  /** Secret fields, by function. */
  readonly hidden?: Readonly<Record<string, Hidden>>
  readonly seed?: number
  /** Given a clock; by default in memory. */
  readonly store?: (now: () => number) => Store
}

const TTL_MS = 15_000

/** A worker's death: the call of the store never comes back. */
const DEAD = new Promise<never>(() => undefined)

export type Crash = 'before' | 'after' | 'lost'

export const createLab = ({ workflows, steps = {}, hidden = {}, seed = 1, store: make = createMemoryStore }: LabOptions) => {
  let now = 1_800_000_000_000
  const timers = new Set<{ at: number; call: () => void }>()
  const made = make(() => now)
  const asked = new Set<Promise<unknown>>()
  const track = (answer: Promise<unknown>): void => {
    asked.add(answer)
    const over = () => asked.delete(answer)
    answer.then(over, over)
  }
  /** What a store is asked takes no time here: none passes while an answer is under way. */
  const store = new Proxy(made, {
    get: (target, method: keyof Store) => (...args: never[]) => {
      const answer = (target[method] as (...given: never[]) => Promise<unknown>)(...args)
      track(answer)
      return answer
    },
  })
  const random = chance(seed)
  const ledger: Line[] = []
  const crashes: { call: number; how: Crash }[] = []
  let calls = 0
  const names = Object.keys(workflows)
  const logger = createLogger({ level: 'silent' })
  let workers: Worker[] = []

  const after = (ms: number, call: () => void): (() => void) => {
    const timer = { at: now + Math.ceil(Math.max(ms, 0)), call }
    timers.add(timer)
    return () => void timers.delete(timer)
  }

  /** Each worker sees the store through this; `crash` says at which call it dies and how. */
  const spawn = (name: string, own: Readonly<Record<string, Code>> = workflows, version = '1'): Worker => {
    let isDead = false
    const died = Promise.withResolvers<void>()
    const alive = (call: () => void) => () => { if (!isDead) call() }
    const through = <T>(work: () => Promise<T>): Promise<T> => {
      if (isDead) return DEAD
      calls += 1
      const crash = crashes.find(({ call }) => call === calls)
      if (!crash) return work()
      if (crash.how === 'lost') return work().then(() => { throw new Error('The answer was lost') })
      const die = (): Promise<never> => {
        died.resolve()
        return DEAD
      }
      isDead = true
      workers = workers.filter((one) => one !== worker)
      after(1, () => spawn(`${name}'`, own, version))
      return crash.how === 'before' ? die() : work().then(die, die)
    }
    const seen = new Proxy(store, {
      get: (target, method: keyof Store) => (...args: never[]) => through(() => (target[method] as (...a: never[]) => Promise<unknown>)(...args)),
    })
    const world: World = { store: seen, now: () => now, turn: () => turns(1), after: (ms, call) => after(ms, alive(call)), random }
    const worker = createWorker({
      id: name, store: seen, clock: { now: () => now, tell: () => undefined }, world, versions: Object.fromEntries(Object.keys(own).map((one) => [one, version])), most: 100, ttlMs: TTL_MS, lookMs: 3_600_000,
      monotonic: () => now, logger,
      execute: async (run: Run, its) => createExecution(run, its, async (live) => {
        const { wire } = createWorkflowWire(live, {
          hidden,
          node: () => Promise.reject(new Error('Graphs are tried by themselves')),
          call: async (functionId, data, step, signal) => {
            if (isDead) return DEAD
            ledger.push({ run: run.head.id, step: step.stepName, attempt: step.attempt, at: now })
            const work = steps[functionId]
            if (!work) throw new Error(`No function is called ${functionId}`)
            return work(data, step, signal)
          },
          isWorkflow: (id) => Object.hasOwn(workflows, id),
          startChild: async (child, data, id, parent) => {
            await worker.begin({ id, name: child, version: '1', input: writeValue(data, hidden[child]?.input), parentId: parent.id, parentKey: parent.key })
          },
        })
        return () => (isDead ? DEAD : (own[run.head.name] as Code)(wire, readValue(run.input), { through, track, died: died.promise }))
      }, hidden[run.head.name]?.output),
    })
    workers.push(worker)
    worker.start()
    return worker
  }

  const settle = async (): Promise<void> => {
    for (await turns(); asked.size > 0; await turns()) await Promise.allSettled(asked)
  }
  const advance = async (): Promise<void> => {
    await settle()
    const next = [...timers].sort((a, b) => a.at - b.at)[0]
    if (!next) return
    timers.delete(next)
    now = Math.max(now, next.at)
    next.call()
    await turns(1)
  }

  return {
    store, ledger, spawn, crashes, timers,
    get now() { return now },
    get calls() { return calls },
    /** The worker that makes the next call of the store dies of it. */
    dieNext: (how: Crash): void => void crashes.push({ call: calls + 1, how }),
    kick: (): void => { for (const worker of workers) worker.kick() },
    /** Time that passes with nobody at work. */
    skip: (ms: number): void => { now += ms },
    start: async (name: string, input: unknown, id: string): Promise<void> => {
      await store.start({ id, name, version: '1', input: writeValue(input, hidden[name]?.input) })
      for (const worker of workers) worker.kick()
    },
    deliver: (id: string, type: string, payload: unknown, messageId: string = crypto.randomUUID(), key?: string) =>
      store.deliver(id, { messageId, type, payload: writeValue(payload), by: null, ...(key !== undefined && { key }) })
        .then((answer) => { for (const worker of workers) worker.nudge(id); return answer }),
    /** Lets time pass until something is so. */
    until: async (is: () => Promise<boolean> | boolean, mostMs = 40 * 86_400_000): Promise<void> => {
      const end = now + mostMs
      for (let round = 0; !(await is()); round += 1) {
        if (now > end || round > 20_000) throw new Error(`It never came to that, by ${now} after ${round} rounds`)
        await advance()
      }
    },
    /** Lets as much happen as can without waiting for more than this. */
    pass: async (ms: number): Promise<void> => {
      const end = now + ms
      while ([...timers].some(({ at }) => at <= end)) await advance()
      now = Math.max(now, end)
      await settle()
    },
    run: async (id: string): Promise<Run> => {
      const run = await store.load(id)
      if (!run) throw new Error(`There is no run ${id}`)
      return run
    },
    ended: async function (id: string): Promise<{ status: string; output: unknown; error: Error | undefined; run: Run }> {
      await this.until(async () => (await store.load(id))?.head.finishedAt != null)
      const run = await this.run(id)
      return { status: run.head.status, output: readValue(run.output), error: run.error === null ? undefined : readError(run.error), run }
    },
    done: (step: string): Line[] => ledger.filter((line) => line.step === step),
  }
}

export type Lab = ReturnType<typeof createLab>
