/** What is under way in a run, beside its journal: for people to see, so nothing counts on it. */
import type { Entry, Head, Run, StepKind } from './run.ts'
import type { World } from './steps.ts'
import { readValue, writeValue } from './values.ts'

export interface Underway {
  readonly key: string
  readonly kind: StepKind
  readonly fingerprint: string
  readonly attempt: number
  readonly input: string | null
  readonly startedAt: number
}

/** What is over sooner isn't told. */
const AFTER_MS = 1000

export interface Notes {
  begun(step: Underway): void
  over(key: string): void
  stop(): void
}

/** Tells the store what is under way, once that takes its time. */
export const createNotes = ({ store, after }: World, { id, epoch }: Head): Notes => {
  const steps = new Map<string, Underway>()
  let stop: (() => void) | undefined
  const note = (): void => {
    stop = undefined
    // nobody counts on it
    if (steps.size > 0) void store.note(id, epoch, writeValue([...steps.values()])).catch(() => undefined)
  }
  return {
    begun: (step) => {
      steps.set(step.key, step)
      stop ??= after(AFTER_MS, note)
    },
    over: (key) => void steps.delete(key),
    stop: () => stop?.(),
  }
}

/** The journal, and after it what is under way, as entries that say that it began. */
export const entriesOf = ({ head, underway, journal }: Run): readonly Entry[] => {
  if (underway === null || head.status !== 'running') return journal
  const isOver = ({ key, attempt }: Underway): boolean =>
    journal.some((entry) => entry.key === key && (entry.phase === 'done' || (entry.phase === 'retry' && entry.attempt >= attempt)))
  const going = (readValue(underway) as Underway[]).filter((step) => !isOver(step))
  return [...journal, ...going.map((step): Entry => ({
    ...step, phase: 'open', value: null, error: null, seq: head.seq + 1, at: step.startedAt,
  }))]
}
