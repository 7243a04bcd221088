/** What a run that comes to nothing undoes of what it did: in reverse, one after the other. Knows no journal's law. */
import { PLAN, type Entry, type NewEntry } from './run.ts'
import type { World } from './steps.ts'
import { writeValue } from './values.ts'

/** What is to be undone, in which order, and what the run then ends with, as text: decided once. */
export interface Plan {
  readonly keys: readonly string[]
  readonly error: string
}

/** As the journal has it. */
export const planEntry = (plan: Plan, now: number): NewEntry => ({
  key: PLAN, kind: 'undo', phase: 'done', fingerprint: '', attempt: 0, input: null, value: writeValue(plan), error: null, startedAt: now,
})

/** Whether it says of a step that it began, so that it may have to be undone. */
export const isMark = ({ phase, kind }: Entry): boolean => phase === 'open' && (kind === 'rpc' || kind === 'inline')

export interface Undoing {
  /** What undoes a step. */
  know(key: string, undo: () => Promise<unknown>): void
  has(key: string): boolean
  /** Steps that were done, or begun and nobody knows how they ended; the last one's first. */
  keys(entriesOf: (key: string) => readonly Entry[]): string[]
  /**
   * Once what is under way is over, `patienceMs` at most. `reaches` waits for the code to say what undoes a step: if it
   * never does, undefined. Gives the keys of what could not be undone.
   */
  go(plan: Plan, works: Iterable<Promise<unknown>>, patienceMs: number, reaches: (key: string) => Promise<boolean>): Promise<readonly string[] | undefined>
}

export const createUndoing = (world: World): Undoing => {
  const undos = new Map<string, () => Promise<unknown>>()
  return {
    know: (key, undo) => void undos.set(key, undo),
    has: (key) => undos.has(key),
    keys: (entriesOf) => {
      const begun = [...undos.keys()].flatMap((key) => {
        const entries = entriesOf(key)
        const hasFailed = entries.some(({ phase, error }) => phase === 'done' && error !== null)
        return entries[0] && !hasFailed ? [{ key, seq: entries[0].seq }] : []
      })
      return begun.sort((a, b) => b.seq - a.seq).map(({ key }) => key)
    },
    go: async ({ keys }, works, patienceMs, reaches) => {
      // what is under way may yet have its effect
      await Promise.race([Promise.allSettled(works), new Promise<void>((resolve) => void world.after(patienceMs, resolve))])
      const missed: string[] = []
      for (const key of keys) {
        if (!(await reaches(key))) return undefined
        await undos.get(key)?.().catch(() => missed.push(key))
      }
      return missed
    },
  }
}
