/** What whoever can read runs may do with them. Each act gives any number of items. Knows a shelf, not where it is. */
import type { RunView, Summary } from '../dashboard/view.ts'
import { ENDS, type Head, type Run } from '../workflow/run.ts'
import type { Filter } from '../workflow/store.ts'
import type { Shelf } from './shelf.ts'

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

/** Newest first; those of several statuses are those of one after the other. */
async function* listed(shelf: Shelf, { statuses, limit = Number.POSITIVE_INFINITY, ...filter }: Wanted): AsyncGenerator<Summary> {
  let left = limit
  for (const status of statuses ?? [undefined]) {
    for (let next: unknown; left > 0;) {
      const page = await shelf.list({ ...filter, ...(status && { status }), limit: Math.min(PAGE, left) }, next)
      yield* page.runs
      left -= page.runs.length
      next = page.next
      if (next === undefined) break
    }
  }
}

/** The run that is meant. */
const find = async (shelf: Shelf, id: string): Promise<Run> => {
  const run = await shelf.load(id)
  if (run) return run
  const near = id.length < SHORTEST ? [] : (await shelf.list({ text: id, limit: PAGE }, undefined)).runs.filter((head) => head.id.startsWith(id))
  if (near.length > 1) throw new Refused('ambiguous', { id, ids: near.map((head) => head.id) })
  const found = near[0] && (await shelf.load(near[0].id))
  if (!found) throw new Refused('unknown', { id })
  return found
}

async function* shown(shelf: Shelf, { id }: Questions['show']): AsyncGenerator<RunView> {
  yield shelf.view(await find(shelf, id))
}

/** What the lines of an export begin with, and which form of them this is. */
export const EXPORT = 1

type Line = { readonly unitgraphRun: typeof EXPORT } & Run

async function* exported(shelf: Shelf, { ids, ...wanted }: Questions['export']): AsyncGenerator<Line> {
  for (const id of ids ?? []) yield { unitgraphRun: EXPORT, ...(await find(shelf, id)) }
  if (ids) return
  for await (const { id } of listed(shelf, wanted)) {
    // it may have been purged meanwhile
    const run = await shelf.load(id)
    if (run) yield { unitgraphRun: EXPORT, ...run }
  }
}

async function* cancelled(shelf: Shelf, { id, reason }: Questions['cancel']): AsyncGenerator<Summary> {
  const { head } = await find(shelf, id)
  if (ENDS.has(head.status)) throw new Refused('ended', { id: head.id, status: head.status })
  const now = await shelf.cancel(head.id, reason)
  if (now) yield now
}

async function* resumed(shelf: Shelf, { id }: Questions['resume']): AsyncGenerator<Summary> {
  const { head } = await find(shelf, id)
  if (head.status !== 'paused') throw new Refused('not-paused', { id: head.id, status: head.status })
  const now = await shelf.resume(head.id)
  if (now) yield now
}

async function* forked(shelf: Shelf, { id, as = crypto.randomUUID(), from }: Questions['fork']): AsyncGenerator<Summary> {
  const { head, journal } = await find(shelf, id)
  const first = journal.find(({ key }) => key === from)
  if (from !== undefined && !first) throw new Refused('no-step', { id: head.id, step: from, steps: [...new Set(journal.map(({ key }) => key))] })
  const made = await shelf.fork(head.id, as, first && from !== undefined ? { key: from, after: first.seq - 1 } : undefined)
  if (!made) throw new Refused('taken', { id: as })
  yield made
}

export const acts: { readonly [Do in keyof Questions]: (shelf: Shelf, given: Questions[Do]) => AsyncIterable<unknown> } = {
  list: listed,
  show: shown,
  export: exported,
  cancel: cancelled,
  resume: resumed,
  fork: forked,
}
