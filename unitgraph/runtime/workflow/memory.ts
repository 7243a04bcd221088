/**
 * Runs in memory: what every other store is compared with. Gone with its process, so but for tests nothing may use it
 * that doesn't write each change through to somewhere else (`cloudflare/object.ts`).
 */
import { createChooser, flowOf, type Bucket, type Chooser } from './flow.ts'
import { ENDS, type Entry, type Head, type Message, type NewMessage, type Run } from './run.ts'
import type { Append, Appended, Change, Claim, Delivered, Lease, Started, Store } from './store.ts'

interface Kept {
  head: Head
  readonly input: string
  output: string | null
  error: string | null
  underway: string | null
  readonly journal: Entry[]
  readonly inbox: Message[]
}

const copy = (run: Kept): Run => ({ ...run, journal: [...run.journal], inbox: [...run.inbox] })

/** When a worker with a version may have it. */
const dueOf = ({ status, dueAt, leaseUntil, version }: Head, own: string | undefined): number | null => {
  if (own === undefined || ENDS.has(status)) return null
  return status === 'running' ? leaseUntil : status === 'paused' && version !== own ? null : dueAt
}

const lower = (text: string): string => text.replace(/[A-Z]/g, (letter) => letter.toLowerCase())

const isFound = ({ head, input }: Kept, text: string): boolean =>
  [head.id, head.name, head.reason ?? '', input].some((one) => lower(one).includes(lower(text)))

/** A run as it is now, and how much of it there was: what lies between is to be written before anybody is answered. */
export type Through = (run: Run, before: { readonly seq: number; readonly inboxSeq: number } | undefined) => Promise<void>

/** `now` is the store's clock. */
export const createMemoryStore = (now: () => number = Date.now, known: readonly Run[] = [], through?: Through): Store => {
  const runs = new Map<string, Kept>(known.map((run) => [run.head.id, { ...run, journal: [...run.journal], inbox: [...run.inbox] }]))

  /** Does what changes runs, and writes through which of them it has changed. */
  const written = async <T>(ids: readonly string[], work: () => T): Promise<T> => {
    const before = new Map(ids.map((id) => [id, runs.get(id)?.head]))
    const answer = work()
    for (const id of ids) {
      const run = runs.get(id)
      if (run && run.head !== before.get(id)) await through?.(copy(run), before.get(id))
    }
    return answer
  }

  const take = (run: Kept, lease: Lease): void => {
    const { head } = run
    run.head = {
      ...head, status: 'running', epoch: head.epoch + 1, owner: lease.worker, leaseUntil: now() + lease.ttlMs, dueAt: null,
      recoveries: head.status === 'running' ? head.recoveries + 1 : head.recoveries,
    }
  }
  const buckets = new Map<string, Bucket>()
  const runningOf = (key: string): number =>
    [...runs.values()].filter(({ head }) => head.concurrencyKey === key && head.status === 'running').length
  const choose = (): Chooser => createChooser(now(), runningOf, (key) => buckets.get(key), (key, bucket) => buckets.set(key, bucket))

  const settle = (run: Kept, { status = 'running', dueAt, output, error, reason }: Change): void => {
    const ends = ENDS.has(status)
    run.head = {
      ...run.head, status,
      ...(status !== 'running' && { owner: null, leaseUntil: null, dueAt: dueAt ?? null }),
      ...(ends && { finishedAt: now() }),
      ...(reason !== undefined && { reason }),
    }
    run.output = output ?? run.output
    run.error = error ?? run.error
  }
  const append = ({ id, epoch, fromSeq, entries, change = {}, seen, version }: Append): Appended => {
    const run = runs.get(id)
    if (!run || run.head.epoch !== epoch) return { is: 'fenced' }
    const { head } = run
    // what was written, and whose answer got lost, is written
    if (entries.length > 0 && head.seq === fromSeq + entries.length) return { is: 'ok', now: now(), cancelAt: head.cancelAt }
    if (head.status !== 'running' || head.seq !== fromSeq) return { is: 'fenced' }
    if (seen !== undefined && head.inboxSeq !== seen) return { is: 'inbox-moved' }
    const said = entries.find((entry) => entry.phase === 'done' && run.journal.some(({ key, phase }) => key === entry.key && phase === 'done'))
    if (said) throw new Error(`The step ${said.key} has its last word`)
    const at = now()
    run.journal.push(...entries.map((entry, index) => ({ ...entry, seq: fromSeq + index + 1, at })))
    run.head = { ...head, seq: fromSeq + entries.length, ...(entries.length > 0 && { recoveries: 0, version: version ?? head.version }) }
    settle(run, change)
    return { is: 'ok', now: at, cancelAt: head.cancelAt }
  }
  const deliver = (id: string, message: NewMessage): Delivered => {
    const run = runs.get(id)
    if (!run) return { is: 'unknown' }
    const first = run.inbox.find(({ messageId }) => messageId === message.messageId)
    if (first) return { is: 'duplicate', first }
    const hasWord = message.key !== undefined && run.journal.some(({ key, phase }) => key === message.key && phase === 'done')
    if (ENDS.has(run.head.status) || hasWord) return { is: 'late', head: run.head }
    run.inbox.push({ ...message, n: run.head.inboxSeq + 1, at: now() })
    run.head = { ...run.head, inboxSeq: run.head.inboxSeq + 1, ...(run.head.status === 'waiting' && { dueAt: now() }) }
    return { is: 'delivered' }
  }

  return {
    start: (run, lease) => written([run.id], (): Started => {
      const known = runs.get(run.id)
      if (known) {
        const isSame = known.head.name === run.name && known.input === run.input
        return { is: isSame ? 'known' : 'conflict', head: known.head }
      }
      const made: Kept = {
        head: {
          ...flowOf(run), id: run.id, name: run.name, version: run.version, status: 'ready',
          dueAt: now() + (run.delayMs ?? 0), epoch: 0, owner: null, leaseUntil: null, seq: 0, inboxSeq: 0, recoveries: 0,
          cancelAt: null, cancelReason: null, parentId: run.parentId ?? null, parentKey: run.parentKey ?? null,
          principal: run.principal ?? null, traceparent: run.traceparent ?? null, createdAt: now(), finishedAt: null, reason: null,
        },
        input: run.input, output: null, error: null, underway: null, journal: [], inbox: [],
      }
      runs.set(run.id, made)
      if (lease && choose().take(made.head)) take(made, lease)
      return { is: 'started', run: copy(made), now: now() }
    }),
    claim: ({ versions, count, ...lease }: Claim) => written([...runs.keys()], () => {
      const at = now()
      const chooser = choose()
      const known = [...runs.values()].map((run) => ({ run, due: dueOf(run.head, versions[run.head.name]) })).filter(({ due }) => due !== null)
      const due = known.filter((one) => (one.due as number) <= at).sort(({ run: { head: a }, due: dueA }, { run: { head: b }, due: dueB }) =>
        b.priority - a.priority || (dueA as number) - (dueB as number) || (a.id < b.id ? -1 : 1))
      const taken: Kept[] = []
      for (const { run } of due) if (taken.length < count && chooser.take(run.head)) taken.push(run)
      for (const run of taken) take(run, lease)
      const later = known.filter((one) => (one.due as number) > at && one.run.head.owner !== lease.worker).map((one) => one.due)
      const next = taken.length >= count ? [at] : [...later, chooser.tokenAt].filter((one) => one !== null)
      return { runs: taken.map(copy), now: at, nextAt: next.length > 0 ? Math.min(...next) : null }
    }),
    isHeld: async (id, epoch) => {
      const head = runs.get(id)?.head
      return head?.epoch === epoch && head.status === 'running'
    },
    append: (given) => written([given.id], () => append(given)),
    note: async (id, epoch, underway) => {
      const run = runs.get(id)
      if (run?.head.epoch === epoch && run.head.status === 'running') run.underway = underway
    },
    renew: ({ worker, ttlMs }, ids) => written(ids, () => {
      const lost: string[] = []
      const cancelled: string[] = []
      for (const id of ids) {
        const run = runs.get(id)
        if (run?.head.status !== 'running' || run.head.owner !== worker) lost.push(id)
        else {
          run.head = { ...run.head, leaseUntil: now() + ttlMs }
          if (run.head.cancelAt !== null) cancelled.push(id)
        }
      }
      return { now: now(), lost, cancelled }
    }),
    release: (worker) => written([...runs.keys()], () => {
      for (const run of runs.values()) {
        if (run.head.status === 'running' && run.head.owner === worker) settle(run, { status: 'waiting', dueAt: now() })
      }
    }),
    deliver: (id, message) => written([id], () => deliver(id, message)),
    inbox: async (id, after) => (runs.get(id)?.inbox ?? []).filter(({ n }) => n > after),
    load: async (id) => {
      const run = runs.get(id)
      return run && copy(run)
    },
    list: async ({ name, status, since, text, before, limit }) =>
      [...runs.values()].filter((run) => text === undefined || isFound(run, text)).map(({ head }) => head)
        .filter((head) => (name === undefined || head.name === name) && (status === undefined || head.status === status))
        .filter(({ createdAt }) => since === undefined || createdAt >= since)
        .sort((a, b) => b.createdAt - a.createdAt || (a.id < b.id ? 1 : -1))
        .filter(({ createdAt, id }) => !before || createdAt < before.createdAt || (createdAt === before.createdAt && id < before.id))
        .slice(0, limit),
    cancel: (id, reason) => written([id], () => {
      const run = runs.get(id)
      if (!run || ENDS.has(run.head.status)) return run?.head
      const { head } = run
      const asked = { cancelAt: head.cancelAt ?? now(), cancelReason: head.cancelAt === null ? reason : head.cancelReason }
      run.head = { ...head, ...asked, ...(head.status !== 'running' && { status: 'waiting', dueAt: now() }) }
      return run.head
    }),
    resume: (id) => written([id], () => {
      const run = runs.get(id)
      if (run?.head.status === 'paused') run.head = { ...run.head, status: 'waiting', dueAt: now(), recoveries: 0, reason: null }
      return run?.head
    }),
    fork: (id, as, throughSeq) => written([as], () => {
      const run = runs.get(id)
      if (!run || runs.has(as)) return undefined
      const journal = run.journal.filter(({ seq }) => seq <= throughSeq)
      const { head } = run
      runs.set(as, {
        ...run, output: null, error: null, underway: null, journal, inbox: [],
        head: {
          ...head, id: as, status: 'ready', dueAt: now(), epoch: 0, owner: null, leaseUntil: null, seq: journal.length,
          inboxSeq: 0, recoveries: 0, cancelAt: null, cancelReason: null, parentId: null, parentKey: null,
          createdAt: now(), finishedAt: null, reason: null,
        },
      })
      return runs.get(as)?.head
    }),
    purge: async (limit, endedBefore) => {
      const isOld = ({ finishedAt, retentionMs }: Head): boolean =>
        finishedAt !== null && (endedBefore === undefined ? finishedAt + retentionMs <= now() : finishedAt < endedBefore)
      const old = [...runs.values()].filter(({ head }) => isOld(head)).slice(0, limit)
      for (const { head } of old) runs.delete(head.id)
      return old.length
    },
    close: async () => undefined,
  }
}
