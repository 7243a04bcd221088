/** What whoever can read a store may do with its runs. Each act gives any number of items. Knows stores, not where they are. */
import { summaryOf, viewOf, type RunView, type Summary } from '../dashboard/view.ts'
import { ENDS, type Head, type Run } from '../workflow/run.ts'
import type { Filter, Store } from '../workflow/store.ts'

/** What can be expected to go wrong; `more` is for the sentence that says what to type. */
export class Refused extends Error {
  readonly code: string
  readonly more: Readonly<Record<string, unknown>>

  constructor(code: string, more: Readonly<Record<string, unknown>> = {}) {
    super(code)
    this.code = code
    this.more = more
  }
}

export type Wanted = Omit<Filter, 'before' | 'limit' | 'status'> & {
  readonly statuses?: readonly Head['status'][]
  /** All where there is none. */
  readonly limit?: number
}

/** All that is asked of a store; a run is named by its id, or by the beginning of it that no other has. */
export interface Questions {
  list: Wanted
  export: Wanted & { readonly ids?: readonly string[] }
  show: { readonly id: string }
  cancel: { readonly id: string; readonly reason: string | null }
  resume: { readonly id: string }
  /** `from`: the step that is done again, with all that came after it; the whole run where there is none. */
  fork: { readonly id: string; readonly as?: string; readonly from?: string }
}

const PAGE = 200
const SHORTEST = 4

/** Heads, newest first; those of several statuses are those of one after the other. */
async function* heads(store: Store, { statuses, limit = Number.POSITIVE_INFINITY, ...filter }: Wanted): AsyncGenerator<Head> {
  let left = limit
  for (const status of statuses ?? [undefined]) {
    let before: Filter['before']
    while (left > 0) {
      const asked = Math.min(PAGE, left)
      const page = await store.list({ ...filter, ...(status && { status }), ...(before && { before }), limit: asked })
      yield* page
      left -= page.length
      const last = page.at(-1)
      if (!last || page.length < asked) break
      before = { createdAt: last.createdAt, id: last.id }
    }
  }
}

/** The run that is meant. */
const find = async (store: Store, id: string): Promise<Run> => {
  const run = await store.load(id)
  if (run) return run
  const near = id.length < SHORTEST ? [] : (await store.list({ text: id, limit: PAGE })).filter((head) => head.id.startsWith(id))
  if (near.length > 1) throw new Refused('ambiguous', { id, ids: near.map((head) => head.id) })
  const found = near[0] && (await store.load(near[0].id))
  if (!found) throw new Refused('unknown', { id })
  return found
}

async function* listed(store: Store, wanted: Wanted): AsyncGenerator<Summary> {
  for await (const head of heads(store, wanted)) yield summaryOf(head)
}

async function* shown(store: Store, { id }: Questions['show']): AsyncGenerator<RunView> {
  yield viewOf(await find(store, id))
}

/** What the lines of an export begin with, and which form of them this is. */
export const EXPORT = 1

type Line = { readonly unitgraphRun: typeof EXPORT } & Run

async function* exported(store: Store, { ids, ...wanted }: Questions['export']): AsyncGenerator<Line> {
  for (const id of ids ?? []) yield { unitgraphRun: EXPORT, ...(await find(store, id)) }
  if (ids) return
  for await (const { id } of heads(store, wanted)) {
    // it may have been purged meanwhile
    const run = await store.load(id)
    if (run) yield { unitgraphRun: EXPORT, ...run }
  }
}

async function* cancelled(store: Store, { id, reason }: Questions['cancel']): AsyncGenerator<Summary> {
  const { head } = await find(store, id)
  if (ENDS.has(head.status)) throw new Refused('ended', { id: head.id, status: head.status })
  const now = await store.cancel(head.id, reason)
  if (now) yield summaryOf(now)
}

async function* resumed(store: Store, { id }: Questions['resume']): AsyncGenerator<Summary> {
  const { head } = await find(store, id)
  if (head.status !== 'paused') throw new Refused('not-paused', { id: head.id, status: head.status })
  const now = await store.resume(head.id)
  if (now) yield summaryOf(now)
}

async function* forked(store: Store, { id, as = crypto.randomUUID(), from }: Questions['fork']): AsyncGenerator<Summary> {
  const { head, journal } = await find(store, id)
  const first = from === undefined ? journal[0] : journal.find(({ key }) => key === from)
  if (from !== undefined && !first) throw new Refused('no-step', { id: head.id, step: from, steps: [...new Set(journal.map(({ key }) => key))] })
  const made = await store.fork(head.id, as, (first?.seq ?? 1) - 1)
  if (!made) throw new Refused('taken', { id: as })
  yield summaryOf(made)
}

export const acts: { readonly [Do in keyof Questions]: (store: Store, given: Questions[Do]) => AsyncIterable<unknown> } = {
  list: listed,
  show: shown,
  export: exported,
  cancel: cancelled,
  resume: resumed,
  fork: forked,
}
