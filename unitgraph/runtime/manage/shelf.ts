/** Runs where they are, as whoever looks after them sees them: in a store, or with a deployment that answers for its own. */
import { summaryOf, viewOf, type RunView, type Summary } from '../dashboard/view.ts'
import type { Run } from '../workflow/run.ts'
import type { Filter, Store } from '../workflow/store.ts'

export interface Page {
  readonly runs: readonly Summary[]
  /** Where the next page begins; undefined: this is the last. */
  readonly next: unknown
}

/** The first step that is done again: its key, and how many entries there are before it. */
export interface Again {
  readonly key: string
  readonly after: number
}

export interface Shelf {
  list(filter: Omit<Filter, 'before'>, next: unknown): Promise<Page>
  load(id: string): Promise<Run | undefined>
  view(run: Run): Promise<RunView>
  cancel(id: string, reason: string | null): Promise<Summary | undefined>
  resume(id: string): Promise<Summary | undefined>
  /** Undefined where there is a run of that id. */
  fork(id: string, as: string, again: Again | undefined): Promise<Summary | undefined>
}

export const shelfOf = (store: Store): Shelf => ({
  list: async (filter, next) => {
    const heads = await store.list({ ...filter, ...(next !== undefined && { before: next as NonNullable<Filter['before']> }) })
    const last = heads.at(-1)
    return { runs: heads.map(summaryOf), next: last && heads.length === filter.limit ? { createdAt: last.createdAt, id: last.id } : undefined }
  },
  load: (id) => store.load(id),
  view: viewOf,
  cancel: async (id, reason) => {
    const head = await store.cancel(id, reason)
    return head && summaryOf(head)
  },
  resume: async (id) => {
    const head = await store.resume(id)
    return head && summaryOf(head)
  },
  fork: async (id, as, again) => {
    const head = await store.fork(id, as, again?.after ?? 0)
    return head && summaryOf(head)
  },
})
