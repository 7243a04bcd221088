/** What a simulated world has whatever keeps its runs: a time that moves when nothing else can, and those who use it. */
import type { NewMessage, NewRun, Run } from '../../../unitgraph/runtime/workflow/run.ts'
import { readValue, writeValue } from '../../../unitgraph/runtime/workflow/values.ts'
import { approvalType, eventType } from '../../../unitgraph/runtime/workflow/wire.ts'
import { makeProgram, stepsOf } from './programs.ts'

declare const setImmediate: (call: () => void) => unknown

interface Timer {
  readonly at: number
  readonly call: () => void
}

/** What is to happen, in order; time moves on once nothing is under way that takes none. */
export const createTime = (start: number) => {
  const timers = new Set<Timer>()
  let now = start
  let flying = 0
  return {
    now: (): number => now,
    later: (ms: number, call: () => void): (() => void) => {
      const timer = { at: now + Math.max(Math.ceil(ms), 0), call }
      timers.add(timer)
      return () => void timers.delete(timer)
    },
    settled: async (): Promise<void> => {
      for (let calm = 0; calm < 4;) {
        await new Promise<void>((resolve) => void setImmediate(resolve))
        calm = flying > 0 ? 0 : calm + 1
      }
    },
    /** Under way, and takes no time. */
    fly: async <T>(work: Promise<T>): Promise<T> => {
      flying += 1
      try {
        return await work
      } finally {
        flying -= 1
      }
    },
    next: (): Timer | undefined =>
      [...timers].reduce<Timer | undefined>((least, timer) => (!least || timer.at < least.at ? timer : least), undefined),
    /** Moves on to it. */
    happen: (timer: Timer): void => {
      timers.delete(timer)
      now = Math.max(now, timer.at)
      timer.call()
    },
  }
}
export type Time = ReturnType<typeof createTime>

/** What the users of a world may ask of it. Nobody waits for an answer. */
export interface Asked {
  start(run: NewRun): void
  deliver(id: string, message: NewMessage): void
  cancel(id: string, reason: string): void
  load(id: string): Promise<Run | undefined>
}

const RATE = { rateLimit: 2, ratePerMs: 4000 }

/**
 * Begins runs, some twice; sends what is waited for, some twice and some too late; asks for the end of some. Gives what
 * the limits are.
 */
export const useIt = (
  { now, later, fly }: Time, random: () => number, asked: Asked,
  { runs, overMs, versions, isEnded }: { runs: number; overMs: number; versions: readonly string[]; isEnded: boolean },
): ReadonlyMap<string, number> => {
  const some = (least: number, most: number): number => least + Math.floor(random() * (most - least + 1))
  const limits = new Map<string, number>()
  const limit = [{}, { concurrencyKey: 'k', concurrencyLimit: 2 }, { rateKey: 'r', ...RATE }, { concurrencyKey: 'l', concurrencyLimit: 1, priority: 1 }][some(0, 3)] ?? {}
  for (let n = 0; n < runs; n += 1) {
    const program = makeProgram(random)
    const id = `r${n}`
    const flow = random() < 0.3 ? {} : limit
    if ('concurrencyKey' in flow) limits.set(flow.concurrencyKey as string, flow.concurrencyLimit as number)
    const begin = some(0, overMs)
    const run: NewRun = { id, name: 'program', version: versions[some(0, versions.length - 1)] as string, input: writeValue(program), ...flow }
    later(begin, () => asked.start(run))
    if (random() < 0.5) later(begin + some(0, 20_000), () => asked.start(run))
    if (random() < 0.3) later(begin + some(0, 20_000), () => asked.start({ ...run, input: '{"v":"other"}' }))
    for (const step of stepsOf(program.ops)) {
      const at = begin + [some(0, 3000), some(0, 60_000), some(200_000, 260_000)][some(0, 2)]!
      // its key is its name below the scopes that it is in, which whoever decides reads in the run
      if (step.is === 'approval') {
        for (const decided of [true, false]) {
          later(at + some(0, 2000), () => void (async () => {
            const open = (await fly(asked.load(id)))?.journal.find((entry) => entry.kind === 'approval' && entry.key.endsWith(step.name))
            if (!open) return
            const { key } = open
            // some at the very time at which it is over
            const { until } = readValue(open.value) as { until: number }
            if (random() < 0.5 && until > now()) await new Promise<void>((resolve) => void later(until - now() + some(0, 40), resolve))
            asked.deliver(id, { messageId: approvalType(key), type: approvalType(key), payload: writeValue({ approved: decided }), by: 'somebody', key })
          })())
        }
      }
      if (step.is === 'event') {
        const message = { messageId: `event ${step.name}`, type: eventType(step.event), payload: writeValue(step.name), by: null }
        later(at, () => asked.deliver(id, message))
        if (random() < 0.5) later(at + some(0, 2000), () => asked.deliver(id, message))
      }
    }
    if (isEnded && random() < 0.2) later(begin + some(0, 120_000), () => asked.cancel(id, 'enough'))
  }
  return limits
}

/** Longer than anything that a program waits for, a fault and a lease. */
const STILL_MS = 600_000

/** Lets time pass until it is `over`; gives why it never came to that. `count`: of what has happened. */
export const pass = async (time: Time, count: () => number, over: () => Promise<boolean>, mostRounds: number): Promise<string | undefined> => {
  const start = time.now()
  let checked = 0
  let last = { count: count(), at: start }
  for (let round = 0; ; round += 1) {
    await time.settled()
    if (count() !== checked || round % 200 === 0) {
      checked = count()
      if (await over()) return undefined
    }
    const next = time.next()
    if (count() !== last.count) last = { count: count(), at: time.now() }
    if (!next || time.now() > last.at + STILL_MS || round > mostRounds) {
      return (await over()) ? undefined : `after ${time.now() - start} ms and ${round} rounds`
    }
    time.happen(next)
  }
}
