/** What steps are made of: what a live run gives them, and what of the world a run needs. Types only. */
import type { Entry, Message, NewEntry, Run, StepKind } from './run.ts'
import type { Difference } from './difference.ts'
import type { Append, Store, Transacted } from './store.ts'
import type { Underway } from './underway.ts'

/** What of the world a run needs; all of it can be simulated. */
export interface World {
  readonly store: Store
  /** Of the code that works on the run; undefined where there is no other. */
  readonly version?: string | undefined
  /** Whether the run is surely ours still; undefined where nobody else could have it. */
  holds?(): boolean
  /** The store's clock, or a little less, in whole milliseconds. */
  now(): number
  /** Lets everything go on that can. */
  turn(): Promise<void>
  /** Calls back after a while; returns what forgets it. */
  after(ms: number, call: () => void): () => void
  /** Of uniform distribution, from 0 to 1. */
  random(): number
  /** Hears where code and journal part, before the run is paused. */
  diverged?(difference: Difference): void
}

export interface Asking {
  readonly key: string
  readonly kind: StepKind
  readonly fingerprint: string
  /** Begins what isn't recorded yet. */
  begin(): void
}

/** A step that waits for time, a message, or both. */
export interface Waiting {
  readonly until: number | null
  /** The type of the message. */
  readonly type?: string
  /** With the message, or without one when the time is over. */
  wake(message: Message | undefined): void
}

/** What is yet to be written. `unlessMessage`: only if no message has come meanwhile; else `again`. */
export interface Writing {
  readonly entry: NewEntry
  readonly again?: () => void
  readonly written?: () => void
  /** Writes it by itself, in its own way; `withdrawn` where nothing of it is written. */
  readonly through?: (append: Append) => Promise<Transacted | { readonly is: 'withdrawn' }>
}

/** What steps are made of. */
export interface Steps {
  readonly run: Run
  readonly world: World
  /** Aborts when the run is somebody else's, when it is cancelled or has failed, and at its end. */
  readonly signal: AbortSignal
  /** As `signal`, but not before what was done is undone. */
  readonly lost: AbortSignal
  /** The recorded or coming result of a step. */
  ask(asking: Asking): Promise<unknown>
  /** Entries of a step besides its last word, in their order. */
  before(key: string): readonly Entry[]
  /** The last word on a step. */
  word(key: string): Entry | undefined
  /** What undoes a step, should the run fail or be cancelled once the step has begun: by steps of the kind `undo`. */
  undoable(key: string, undo: () => Promise<unknown>): void
  /** Told to whoever looks, if it isn't over soon. */
  begun(step: Underway): void
  write(writing: Writing): void
  wait(key: string, waiting: Waiting): void
  /** Work that keeps the run in memory. */
  busy<T>(work: () => Promise<T>): Promise<T>
  /** False while what is recorded is still being delivered. */
  isLive(): boolean
  /** Never settles: for code that nobody needs any more. */
  readonly never: Promise<never>
}
