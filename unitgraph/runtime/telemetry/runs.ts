/**
 * Spans of runs, of the times that a process had one, and of steps: told as the store is told of them, so that the engine
 * knows nothing of it. Ids come from what they are of (`workflow/trace.ts`).
 */
import type { Span, Tell } from '../core/span.ts'
import { ENDS, PLAN, type Head, type NewEntry, type Run } from '../workflow/run.ts'
import type { Append, Store } from '../workflow/store.ts'
import { runSpan, spanIn, stepDigest, stepSpan, traceOf, withSpan } from '../workflow/trace.ts'

interface Had {
  readonly head: Head
  readonly sinceMs: number
  /** When each wait that is open began. */
  readonly begun: Map<string, number>
}

/** Recorded, but nothing that takes time. */
const MOMENTS: ReadonlySet<NewEntry['kind']> = new Set<NewEntry['kind']>(['now', 'random', 'uuid', 'patch', 'cancel'])

const messageOf = (error: string | null | undefined): string | undefined =>
  error === null || error === undefined ? undefined : (JSON.parse(error) as { message: string }).message

const stepOf = async ({ head, begun }: Had, entry: NewEntry, endMs: number, trace: string): Promise<Span> => ({
  traceparent: withSpan(trace, stepSpan(await stepDigest(head.id, entry.key), entry.attempt)), parent: await runSpan(head.id),
  name: entry.key, kind: 'internal', endMs,
  // of a wait, when it began; of what is tried again, this attempt
  startMs: entry.attempt > 0 ? entry.startedAt : begun.get(entry.key) ?? entry.startedAt,
  attributes: {
    'workflow.name': head.name, 'workflow.run.id': head.id, 'workflow.step.key': entry.key, 'workflow.step.kind': entry.kind,
    'workflow.step.target': entry.fingerprint || undefined, 'workflow.step.attempt': entry.attempt || undefined,
  },
  error: messageOf(entry.error), links: [withSpan(trace, await runSpan(head.id, head.epoch))],
})

/** The time that this process had the run. */
const heldOf = async ({ head, sinceMs }: Had, endMs: number, outcome: string, trace: string): Promise<Span> => ({
  traceparent: withSpan(trace, await runSpan(head.id, head.epoch)), parent: await runSpan(head.id),
  name: `${head.name} held`, kind: 'internal', startMs: sinceMs, endMs,
  attributes: { 'workflow.name': head.name, 'workflow.run.id': head.id, 'workflow.epoch': head.epoch, 'workflow.outcome': outcome },
  links: head.epoch > 1 ? [withSpan(trace, await runSpan(head.id, head.epoch - 1))] : [],
})

const runOf = async ({ head }: Had, { status, error }: NonNullable<Append['change']>, endMs: number, trace: string): Promise<Span> => ({
  traceparent: withSpan(trace, await runSpan(head.id)), ...(head.traceparent !== null && { parent: spanIn(head.traceparent) }),
  name: head.name, kind: 'internal', startMs: head.createdAt, endMs,
  attributes: { 'workflow.name': head.name, 'workflow.run.id': head.id, 'workflow.status': status, 'workflow.version': head.version },
  error: messageOf(error),
})

/** The store, with what goes on in it told. `watch` is given each telling, to see how it ends: nothing else waits for it, or fails of it. */
export const traced = (store: Store, tell: Tell, watch: (telling: Promise<void>) => void): Store => {
  const had = new Map<string, Had>()
  const take = ({ head, journal }: Run, sinceMs: number): void => {
    const begun = new Map<string, number>()
    for (const { key, phase, startedAt } of journal) if (phase === 'open') begun.set(key, startedAt)
    had.set(head.id, { head, sinceMs, begun })
  }
  const telling = (work: () => Promise<void>): void => watch(work())

  const written = ({ id, entries, change }: Append, now: number): void => {
    const one = had.get(id)
    if (!one) return
    const status = change?.status ?? 'running'
    if (status !== 'running') had.delete(id)
    const ended = entries.filter(({ key, kind, phase }) => phase !== 'open' && key !== PLAN && !MOMENTS.has(kind))
    for (const { key, phase, startedAt } of entries) if (phase === 'open' && !one.begun.has(key)) one.begun.set(key, startedAt)
    telling(async () => {
      const trace = one.head.traceparent ?? (await traceOf(id))
      for (const entry of ended) tell(await stepOf(one, entry, now, trace))
      if (status === 'running') return
      tell(await heldOf(one, now, status, trace))
      if (change && ENDS.has(status)) tell(await runOf(one, change, now, trace))
    })
  }
  const lose = (id: string, now: number, outcome: string): void => {
    const one = had.get(id)
    had.delete(id)
    if (one) telling(async () => tell(await heldOf(one, now, outcome, one.head.traceparent ?? (await traceOf(id)))))
  }

  return {
    ...store,
    start: async (run, lease) => {
      const started = await store.start(run, lease)
      if (started.is === 'started' && lease) take(started.run, started.now)
      return started
    },
    claim: async (claim) => {
      const claimed = await store.claim(claim)
      for (const run of claimed.runs) take(run, claimed.now)
      return claimed
    },
    append: async (given) => {
      const answer = await store.append(given)
      if (answer.is === 'ok') written(given, answer.now)
      else if (answer.is === 'fenced') lose(given.id, Date.now(), 'lost')
      return answer
    },
    renew: async (lease, ids) => {
      const renewed = await store.renew(lease, ids)
      for (const id of renewed.lost) lose(id, renewed.now, 'lost')
      return renewed
    },
    release: async (worker) => {
      await store.release(worker)
      for (const id of [...had.keys()]) lose(id, Date.now(), 'released')
    },
  }
}
