/// <reference path="./modules.d.ts" />
/**
 * What agents remember: threads with their messages, and runs with all that it takes to go on with one. Knows what is
 * promised, not where it is kept.
 */
import type { ModelMessage } from 'ai'

/** Whose something is: one agent's, and one caller's. Nobody else's is ever found. */
export interface Owned {
  readonly agent: string
  readonly owner: string
}

export interface Thread {
  readonly id: string
  readonly resourceId: string | null
  readonly title: string
  readonly createdMs: number
  readonly updatedMs: number
  /** What was said up to and with this message, in short. */
  readonly summary: string | null
  readonly summarySeq: number
}

export interface Kept {
  readonly seq: number
  readonly message: ModelMessage
  readonly createdMs: number
}

export type RunStatus = 'running' | 'suspended' | 'completed' | 'failed' | 'expired'

export interface Run extends Owned {
  readonly id: string
  readonly threadId: string
  readonly status: RunStatus
  /** Goes up with each change: whoever changes it says which version they saw. */
  readonly version: number
  /** Until when somebody surely works on it. */
  readonly leaseMs: number
  /** Until when its approvals may be given. */
  readonly expiresMs: number | null
  /** JSON. */
  readonly state: string
  readonly updatedMs: number
}

export type Change = Pick<Run, 'status' | 'leaseMs' | 'expiresMs' | 'state'>

export interface AgentStore {
  /** The same id of the same owner is the same thread. */
  openThread(of: Owned, thread: Pick<Thread, 'id' | 'resourceId' | 'title'>): Promise<void>
  thread(of: Owned, id: string): Promise<Thread | undefined>
  /** The last ones that were used, at most so many. */
  threads(of: Owned, resourceId: string | undefined, most: number): Promise<Thread[]>
  /** With its messages and its runs. */
  deleteThread(of: Owned, id: string): Promise<boolean>
  /** The last ones after a message, in their order. */
  messages(of: Owned, threadId: string, afterSeq: number, most: number): Promise<Kept[]>
  /** Where nobody did it for later messages meanwhile. */
  summarise(of: Owned, threadId: string, summary: string, seq: number): Promise<void>
  createRun(run: Run): Promise<void>
  run(of: Owned, id: string): Promise<Run | undefined>
  /** To the version after the one that the caller saw; false where that isn't the last one. Messages go to the thread. */
  advance(run: Run, change: Change, messages: readonly ModelMessage[]): Promise<boolean>
  /** Says that the run is still worked on; false where somebody else has it. */
  renew(run: Run, leaseMs: number): Promise<boolean>
}
