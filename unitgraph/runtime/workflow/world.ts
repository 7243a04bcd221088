/** The world as it is: real time, real turns of the loop. */
import type { World } from './steps.ts'
import type { Store } from './store.ts'

declare const setImmediate: ((call: () => void) => unknown) | undefined

/** A store's clock in whole milliseconds, as far as its answers tell: never ahead of it. */
export interface Clock {
  now(): number
  /** An answer that has just come says what time it was. */
  tell(storeNow: number): void
}

/** `monotonic` counts from `origin`, which is what the process takes for the time until a store has said one. */
export const createClock = (monotonic: () => number = () => performance.now(), origin: number = performance.timeOrigin): Clock => {
  let offset = Number.NEGATIVE_INFINITY
  return {
    now: () => Math.floor(monotonic() + (Number.isFinite(offset) ? offset : origin)),
    tell: (storeNow) => {
      offset = storeNow - monotonic()
    },
  }
}

/** What of the world isn't the store. */
export type Around = Pick<World, 'now' | 'turn' | 'after' | 'random'>

export const createAround = (clock: Pick<Clock, 'now'>): Around => ({
  now: () => clock.now(),
  turn: () => new Promise((resolve) => void (typeof setImmediate === 'function' ? setImmediate : setTimeout)(resolve)),
  after: (ms, call) => {
    // longer than a timer can be: whoever waits looks again
    const timer = setTimeout(call, Math.min(ms, 2 ** 31 - 1))
    return () => clearTimeout(timer)
  },
  random: () => Math.random(),
})

export const createWorld = (store: Store, clock: Clock): World => ({ store, ...createAround(clock) })
