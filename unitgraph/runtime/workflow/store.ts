/**
 * All that keeps runs: the interface that every store implements, with the same answers for the same calls. Each call is
 * atomic. The clock is the store's. What can't be reached throws; everything that can be expected is a value.
 */
import type { Head, Message, NewEntry, NewMessage, NewRun, Run, Status } from './run.ts'

export interface Lease {
  readonly worker: string
  readonly ttlMs: number
}

export type Started =
  | { readonly is: 'started'; readonly run: Run; readonly now: number }
  | { readonly is: 'known'; readonly head: Head }
  /** The id has another name or input. */
  | { readonly is: 'conflict'; readonly head: Head }

export interface Claim extends Lease {
  /** The workflows that the worker has, each with the version of its code. */
  readonly versions: Readonly<Record<string, string>>
  readonly count: number
}

export interface Claimed {
  readonly runs: readonly Run[]
  readonly now: number
  /**
   * When to look again: now if as many were taken as were asked for, or somebody else had a hand on one; else when the next
   * one is due, its lease is over or its token comes, of those that the worker could take and doesn't have. That a run of a
   * full key ends isn't foreseen.
   */
  readonly nextAt: number | null
}

/** What an append makes of the head; a status other than `running` gives the lease up. */
export interface Change {
  readonly status?: Exclude<Status, 'ready'>
  readonly dueAt?: number | null
  readonly output?: string
  readonly error?: string
  readonly reason?: string
}

export interface Append {
  readonly id: string
  readonly epoch: number
  /** The entries follow this one. */
  readonly fromSeq: number
  readonly entries: readonly NewEntry[]
  readonly change?: Change
  /** Refused if the inbox has more than this. */
  readonly seen?: number
  /** Of the code that wrote the entries: the run's from then on. */
  readonly version?: string
}

export type Appended =
  | { readonly is: 'ok'; readonly now: number; readonly cancelAt: number | null }
  /** Somebody else has the run, or nobody has. */
  | { readonly is: 'fenced' }
  | { readonly is: 'inbox-moved' }

export type Delivered =
  | { readonly is: 'delivered' }
  /** A message of this id was there: that one holds. */
  | { readonly is: 'duplicate'; readonly first: Message }
  /** The run has ended, or the step has its last word. */
  | { readonly is: 'late'; readonly head: Head }
  | { readonly is: 'unknown' }

export interface Renewed {
  readonly now: number
  /** Of the runs that were asked for: those that the worker has no more, and those whose end was asked for. */
  readonly lost: readonly string[]
  readonly cancelled: readonly string[]
}

export interface Filter {
  readonly name?: string
  readonly status?: Status
  /** Runs that began then or later. */
  readonly since?: number
  /** A part of the id, the name, the reason or the input's text; ASCII letters in either case. */
  readonly text?: string
  /** Heads older than this one, newest first. */
  readonly before?: { readonly createdAt: number; readonly id: string }
  readonly limit: number
}

/** A database of the project's, as far as a store has to know it (`services/db/kysely.ts`). */
export interface Transaction {
  executeQuery(query: object): Promise<{ readonly rows: readonly unknown[] }>
}
export interface Database {
  transaction(): { execute<T>(work: (transaction: Transaction) => Promise<T>): Promise<T> }
}

/** `unknown`: it may be written or not, and may still come to be. */
export type Transacted = Appended | { readonly is: 'unknown' }
/** Nothing has been done: that database has no runs. */
export type Elsewhere = { readonly is: 'elsewhere' }

export interface Store {
  /** With a lease, and if its limits let it, it is running, and the caller's; else it waits to be claimed. */
  start(run: NewRun, lease?: Lease): Promise<Started>
  /**
   * What is due, or whose lease is over, or what is paused with a due time for the version that the worker has; of those
   * what no limit holds back (`flow.ts`), by priority, then by when it was due, then by id. None of a limit's runs are
   * passed over for one behind it of the same keys.
   */
  claim(claim: Claim): Promise<Claimed>
  append(append: Append): Promise<Appended>
  /** Whether the run is this holder's: with this epoch, and not given up. */
  isHeld(id: string, epoch: number): Promise<boolean>
  /** An append in a transaction with what `work` does there; what is thrown has undone both. Not there: runs are in no such database. */
  transact?(database: Database, held: Pick<Append, 'id' | 'epoch'>, work: (transaction: Transaction) => Promise<Append>): Promise<Transacted | Elsewhere>
  /** What is under way, for people to see; not kept where the run is somebody else's. */
  note(id: string, epoch: number, underway: string): Promise<void>
  renew(lease: Lease, ids: readonly string[]): Promise<Renewed>
  /** Gives up all that a worker has, so that others may take it at once. */
  release(worker: string): Promise<void>
  /** Wakes the run in the same step. */
  deliver(id: string, message: NewMessage): Promise<Delivered>
  inbox(id: string, after: number): Promise<readonly Message[]>
  load(id: string): Promise<Run | undefined>
  list(filter: Filter): Promise<readonly Head[]>
  /** Asks for the run's end and wakes it; undefined where there is no such run. */
  cancel(id: string, reason: string | null): Promise<Head | undefined>
  /** A paused run may be claimed again. */
  resume(id: string): Promise<Head | undefined>
  /** A run of its own with the first entries of another's journal. */
  fork(id: string, as: string, throughSeq: number): Promise<Head | undefined>
  /** Forgets runs that have ended: those kept for as long as they were to be, or all that ended before a time. How many. */
  purge(limit: number, endedBefore?: number): Promise<number>
  close(): Promise<void>
}
