/** The service `workflowState`: runs, to begin them and to send to them. Knows the store, executes nothing. */
import type { UserSession } from '../types/services.ts'
import { RunConflictError } from './errors.ts'
import type { Flow } from './flow.ts'
import type { Path } from './hidden.ts'
import type { Filter, Started, Store } from './store.ts'
import type { Head, NewMessage, NewRun, Run } from './run.ts'
import type { Delivered } from './store.ts'
import { writeValue } from './values.ts'

export interface Starting {
  /** Makes starting idempotent: the same id, workflow and input are the same run. */
  readonly id?: string | undefined
  readonly session?: UserSession | undefined
  readonly traceparent?: string | undefined
  readonly flow?: Flow | undefined
  /** The secret fields of its input. */
  readonly hidden?: readonly Path[] | undefined
  readonly parent?: { readonly id: string; readonly key: string; readonly workflow: string } | undefined
}

export interface Runs {
  /** Resolves once the run is kept for certain. */
  start(name: string, data: unknown, starting?: Starting): Promise<{ readonly runId: string }>
  load(id: string): Promise<Run | undefined>
  list(filter: Filter): Promise<readonly Head[]>
  deliver(id: string, message: NewMessage): Promise<Delivered>
  cancel(id: string, reason: string | null): Promise<Head | undefined>
  resume(id: string): Promise<Head | undefined>
  fork(id: string, as: string, throughSeq: number): Promise<Head | undefined>
}

/** What a store's users tell whoever works on runs. */
export interface Hints {
  /** Keeps a run that begins, and may have it worked on at once; undefined where nobody does. */
  begin?(run: NewRun): Promise<Started> | undefined
  started(id: string): void
  delivered(id: string): void
  cancelled(id: string): void
}

/** `versions`: the workflows there are, each with the digest of its outline. */
export const createRuns = (store: Store, versions: ReadonlyMap<string, string>, hints: Hints): Runs => ({
  start: async (name, data, { id = crypto.randomUUID(), session, traceparent, parent, flow, hidden } = {}) => {
    const version = versions.get(name)
    if (version === undefined) throw new Error(`No workflow is called ${name}`)
    const run: NewRun = {
      ...flow, id, name, version, input: writeValue(data, hidden), principal: session === undefined ? null : writeValue(session),
      traceparent: traceparent ?? null, parentId: parent?.id ?? null, parentKey: parent?.key ?? null,
    }
    const begun = hints.begin?.(run)
    const started = await (begun ?? store.start(run))
    if (started.is === 'conflict') throw new RunConflictError(id)
    if (!begun) hints.started(id)
    return { runId: id }
  },
  load: (id) => store.load(id),
  list: (filter) => store.list(filter),
  deliver: async (id, message) => {
    const answer = await store.deliver(id, message)
    if (answer.is === 'delivered') hints.delivered(id)
    return answer
  },
  cancel: async (id, reason) => {
    const head = await store.cancel(id, reason)
    hints.cancelled(id)
    return head
  },
  resume: async (id) => {
    const head = await store.resume(id)
    hints.started(id)
    return head
  },
  fork: async (id, as, throughSeq) => {
    const head = await store.fork(id, as, throughSeq)
    hints.started(as)
    return head
  },
})
