/**
 * Limits over runs on Cloudflare, where each run is an object of its own: so is each key of a limit, and runs ask it before
 * they go on. One that is refused asks again after a while, or when the key's object says that there is room.
 */
import { tokensOf, WHOLE, type Bucket, type Flow } from '../flow.ts'
import type { Head } from '../run.ts'
import { call, type Namespace } from './calls.ts'

export interface LimitStorage {
  get(key: string): Promise<unknown>
  put(entries: Readonly<Record<string, unknown>>): Promise<void>
  setAlarm(at: number): Promise<void>
}

/** How long a run's lease is; it is asked for at most this much after its place was. */
export const LEASE_MS = 15_000
export const PROMPT_MS = 2000
/** A place is given up unless it is asked for again within this: later than the lease is over, also where clocks differ by seconds. */
const HELD_MS = LEASE_MS + PROMPT_MS + 3000
const AGAIN_MS = 30_000

interface Waiting {
  readonly priority: number
  readonly since: number
  readonly until: number
}
interface Places {
  /** Run → until when it has its place. */
  readonly held: Record<string, number>
  readonly waiting: Record<string, Waiting>
}

/** When to ask again; null: go on. */
export type Answer = number | null

/** Asked of the object of a key. */
export interface Limits {
  hold(run: string, flow: Flow): Promise<Answer>
  drop(run: string): Promise<void>
  pay(run: string, flow: Flow): Promise<Answer>
}

const first = ({ waiting }: Places): string[] =>
  Object.entries(waiting).sort(([, a], [, b]) => b.priority - a.priority || a.since - b.since).map(([run]) => run)

/** `wake` tells a run that there may be room. */
export const createLimits = (storage: LimitStorage, wake: (run: string) => Promise<unknown>, now: () => number = Date.now): Limits => {
  const read = async (): Promise<Places> => {
    const { held, waiting } = ((await storage.get('places')) ?? { held: {}, waiting: {} }) as Places
    const at = now()
    return {
      held: Object.fromEntries(Object.entries(held).filter(([, until]) => until > at)),
      waiting: Object.fromEntries(Object.entries(waiting).filter(([, { until }]) => until > at)),
    }
  }
  /** Forgotten once nobody asks any more. */
  const write = async (entries: Readonly<Record<string, unknown>>, forgetMs: number): Promise<void> => {
    await Promise.all([storage.put(entries), storage.setAlarm(now() + forgetMs)])
  }
  return {
    hold: async (run, { concurrencyLimit, priority }) => {
      const places = await read()
      const { held, waiting } = places
      const at = now()
      if (!(run in held)) {
        waiting[run] = { priority, since: waiting[run]?.since ?? at, until: at + 2 * AGAIN_MS }
        if (first(places).indexOf(run) >= concurrencyLimit - Object.keys(held).length) {
          await write({ places }, 2 * AGAIN_MS)
          return at + AGAIN_MS
        }
        delete waiting[run]
      }
      held[run] = at + HELD_MS
      await write({ places }, 2 * AGAIN_MS)
      return null
    },
    drop: async (run) => {
      const places = await read()
      delete places.held[run]
      await write({ places }, 2 * AGAIN_MS)
      const [next] = first(places)
      if (next !== undefined) await wake(next)
    },
    pay: async (run, flow) => {
      const at = now()
      const { bucket, paid = {} } = ((await storage.get('bucket')) ?? {}) as { bucket?: Bucket; paid?: Record<string, number> }
      // one that has died before it could begin has paid
      if ((paid[run] ?? 0) > at) return null
      const tokens = tokensOf(bucket, flow, at)
      if (tokens < WHOLE) return at + Math.ceil(((WHOLE - tokens) * flow.ratePerMs) / flow.rateLimit)
      const still = Object.fromEntries(Object.entries(paid).filter(([, until]) => until > at))
      await write({ bucket: { bucket: { tokens: tokens - 1, at }, paid: { ...still, [run]: at + AGAIN_MS } } }, flow.ratePerMs + 2 * AGAIN_MS)
      return null
    },
  }
}

const CONCURRENCY = 'limit concurrency '
const RATE = 'limit rate '

/** What a run's object does before and after it is at work. */
export const createHolder = (runs: () => Namespace, { id, status, concurrencyKey, rateKey, ...flow }: Head) => {
  const given: Flow = { ...flow, concurrencyKey, rateKey }
  const drop = async (): Promise<void> => {
    if (concurrencyKey !== null) await call(runs(), CONCURRENCY + concurrencyKey, 'drop', id)
  }
  const hold = async (): Promise<Answer> =>
    concurrencyKey === null ? null : await call(runs(), CONCURRENCY + concurrencyKey, 'hold', id, given) as Answer
  return {
    hold, drop,
    /** Whether it has to have a place. */
    isHeld: concurrencyKey !== null,
    /** When to try again; null: it may begin. */
    begin: async (): Promise<Answer> => {
      const at = await hold()
      if (at !== null || rateKey === null || status !== 'ready') return at
      const later = await call(runs(), RATE + rateKey, 'pay', id, given) as Answer
      if (later !== null) await drop()
      return later
    },
  }
}

export type Holder = ReturnType<typeof createHolder>
