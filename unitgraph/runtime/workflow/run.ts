/**
 * A run as data: its head, which moves; its journal, which only grows; its inbox, which others write to. Pure.
 * Times are milliseconds of the store's clock. Values, inputs and errors are texts, made by `values.ts`.
 */

import type { Flow } from './flow.ts'

/**
 * `ready`: never claimed. `ready`, `waiting`: whoever claims it when it is due may have it. `running`: somebody has it,
 * until the lease is over. `paused`: nobody takes it until it is resumed, but for a worker with the code of its version
 * where it has a due time. The others are the ends.
 */
export type Status = 'ready' | 'running' | 'waiting' | 'paused' | 'completed' | 'failed' | 'cancelled'

export const ENDS: ReadonlySet<Status> = /* @__PURE__ */ new Set<Status>(['completed', 'failed', 'cancelled'])

export interface Head extends Flow {
  readonly id: string
  readonly name: string
  /** The digest of the workflow's outline: of the code that it was started with, or that last got on with it. */
  readonly version: string
  readonly status: Status
  /** When it may be claimed; null: a message or somebody must wake it. */
  readonly dueAt: number | null
  /** Grows with every claim: what an earlier holder writes is refused. */
  readonly epoch: number
  readonly owner: string | null
  readonly leaseUntil: number | null
  /** How many entries its journal has. */
  readonly seq: number
  /** How many messages its inbox has. */
  readonly inboxSeq: number
  /** Claims of an expired lease since it last got on. */
  readonly recoveries: number
  /** When its end was asked for, and why. */
  readonly cancelAt: number | null
  readonly cancelReason: string | null
  readonly parentId: string | null
  readonly parentKey: string | null
  /** Who started it: a session, as text. */
  readonly principal: string | null
  readonly traceparent: string | null
  readonly createdAt: number
  readonly finishedAt: number | null
  /** Why it is paused, has failed or was cancelled. */
  readonly reason: string | null
}

export interface NewRun extends Partial<Flow> {
  /** The idempotency key: the same id with the same name and input is the same run. */
  readonly id: string
  readonly name: string
  readonly version: string
  readonly input: string
  readonly delayMs?: number
  readonly parentId?: string | null
  readonly parentKey?: string | null
  readonly principal?: string | null
  readonly traceparent?: string | null
}

export type StepKind =
  | 'inline' | 'rpc' | 'child' | 'sleep' | 'approval' | 'event' | 'now' | 'random' | 'uuid' | 'patch' | 'cancel' | 'undo'

/** The key of the entry that says what is undone, in which order, and what the run ends with. */
export const PLAN = '!undo'

/** `open`: a wait began, or a step of which it matters that it did; `retry`: an attempt failed; `done`: the one last word. */
export type Phase = 'open' | 'retry' | 'done'

export interface NewEntry {
  readonly key: string
  readonly kind: StepKind
  readonly phase: Phase
  /** What else must be the same when it is replayed: a function's or an event's name. */
  readonly fingerprint: string
  /** 1 for the first; 0 for what has no attempts. */
  readonly attempt: number
  /** What a function was called with, as its last word tells it. */
  readonly input: string | null
  readonly value: string | null
  readonly error: string | null
  readonly startedAt: number
}

export interface Entry extends NewEntry {
  /** From 1, without a gap. */
  readonly seq: number
  readonly at: number
}

export interface NewMessage {
  /** One of an id is kept, the first. */
  readonly messageId: string
  readonly type: string
  readonly payload: string
  readonly by: string | null
  /** Of a step that it is for: refused once that has its last word. */
  readonly key?: string
}

export interface Message extends NewMessage {
  /** From 1, in the order in which they came. */
  readonly n: number
  readonly at: number
}

/** All of a run. */
export interface Run {
  readonly head: Head
  readonly input: string
  readonly output: string | null
  readonly error: string | null
  /** What was under way when that was last written, which nothing counts on; null before the first time. */
  readonly underway: string | null
  readonly journal: readonly Entry[]
  readonly inbox: readonly Message[]
}
