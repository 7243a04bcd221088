/**
 * One run, live: its code goes on as far as its journal and its steps let it. Results reach the code in the order of the
 * journal, live as replayed: one result, then all that it sets off, then the next.
 *
 * Knows the journal's law, not what steps do: a step's work is begun once everything recorded has been delivered.
 */
import { groupOf, write } from './alone.ts'
import { DivergedError, RunCancelledError } from './errors.ts'
import type { Path } from './hidden.ts'
import { changeOf, type Outcome } from './outcome.ts'
import { PLAN, type Entry, type Message, type NewEntry, type Run } from './run.ts'
import type { Asking, Steps, World, Writing } from './steps.ts'
import type { Appended, Change } from './store.ts'
import { createNotes } from './underway.ts'
import { createUndoing, isMark, planEntry, type Plan } from './undoing.ts'
import { readError, readValue, writeError, writeValue } from './values.ts'
import { createWaits } from './waits.ts'

export type End = 'ended' | 'parked' | 'paused' | 'lost'

/** A wait that is shorter isn't worth giving the run up for. */
const SHORT_MS = 1000
/** How long code may do other things before a recorded step counts as never asked for. */
const QUICK_TURNS = 8
const PATIENCE_MS = 1000
/** How long code that was cancelled may tidy up. */
const TIDY_MS = 10_000

interface Asked extends Asking {
  resolve(value: unknown): void
  reject(error: unknown): void
  hasBegun: boolean
  readonly where: string
}

export interface Execution {
  /** Runs until there is nothing to do in this process. Throws what the store throws. */
  go(): Promise<End>
  /** The run isn't this process's any more. */
  lose(): void
  /** Its end was asked for. */
  cancel(): void
  /** Begins nothing more: comes back once what is under way is written. */
  leave(): void
  /** Something may have come into the inbox. */
  nudge(): void
}

/** `prepare` may take its time with what isn't the run's: its code counts from its first line. `hidden`: of what the run gives. */
export const createExecution = (
  run: Run, world: World, prepare: (steps: Steps) => Promise<() => Promise<unknown>>, hidden?: readonly Path[],
): Execution => {
  const { head } = run
  const journal: Entry[] = [...run.journal]
  const inbox: Message[] = [...run.inbox]
  const asked = new Map<string, Asked>()
  const waits = createWaits()
  const notes = createNotes(world, head)
  const undoing = createUndoing(world)
  const aborter = new AbortController()
  const loser = new AbortController()
  const works = new Set<Promise<unknown>>()
  const never = new Promise<never>(() => undefined)
  let writings: Writing[] = []
  let cursor = 0
  let busy = 0
  let isLost = false
  let isCancelled = false
  let cancelAt = head.cancelAt
  let tidyUntil: number | null = null
  let inboxMayHaveMoved = false
  let isLeaving = false
  let outcome: Outcome | undefined
  /** What the code has failed of, before what it did is undone. */
  let failure: { readonly error: unknown } | undefined
  let plan: Plan | undefined
  let diverged: DivergedError | undefined
  let signal = Promise.withResolvers<void>()

  const byKey = new Map<string, Entry[]>()
  const poke = (): void => signal.resolve()
  const know = (entry: Entry): void => {
    const same = byKey.get(entry.key)
    if (same) same.push(entry)
    else byKey.set(entry.key, [entry])
    waits.know(entry)
  }
  for (const entry of journal) know(entry)

  const steps: Steps = {
    run, world, signal: aborter.signal, lost: loser.signal, never,
    ask: (asking) => {
      const isUndo = asking.kind === 'undo'
      if (isLost || diverged || (failure && !isUndo)) return never
      if (isCancelled && !isUndo) return Promise.reject(new RunCancelledError(head.cancelReason ?? 'The run was cancelled'))
      return new Promise((resolve, reject) => {
        asked.set(asking.key, { ...asking, resolve, reject, hasBegun: false, where: new Error('asked').stack ?? '' })
        poke()
      })
    },
    before: (key) => (byKey.get(key) ?? []).filter(({ phase }) => phase !== 'done'),
    word: (key) => byKey.get(key)?.find(({ phase }) => phase === 'done'),
    undoable: (key, undo) => {
      undoing.know(key, undo)
      poke()
    },
    begun: (step) => notes.begun(step),
    write: (writing) => {
      if (writing.entry.phase !== 'open') notes.over(writing.entry.key)
      writings.push(writing)
      poke()
    },
    wait: (key, waiting) => {
      waits.set(key, waiting)
      poke()
    },
    busy: async (work) => {
      busy += 1
      const working = work()
      works.add(working)
      try {
        return await working
      } finally {
        works.delete(working)
        busy -= 1
        poke()
      }
    },
    isLive: () => cursor >= journal.length,
  }

  const diverge = (entry: Entry): void => {
    // what the code waits for that no entry is about
    const got = asked.get(entry.key) ?? [...asked.values()].find(({ key }) => !steps.word(key)) ?? [...asked.values()][0]
    const failed = failure ?? (outcome && 'error' in outcome ? outcome : undefined)
    const ended = failed ? `has failed: ${String(failed.error)}` : outcome && 'has ended'
    diverged = new DivergedError({ entry, got: got && { ...got, stack: got.where }, ended })
    world.diverged?.(diverged.difference)
  }

  /** Whether the code comes to something; it may have other things to do first. */
  const comesTo = async (is: () => boolean): Promise<boolean> => {
    for (let turns = 0; turns < QUICK_TURNS; turns += 1) {
      await world.turn()
      if (is()) return true
    }
    const patience = Promise.withResolvers<void>()
    const forget = world.after(PATIENCE_MS, patience.resolve)
    while (!is() && !outcome) {
      signal = Promise.withResolvers()
      const isOver = await Promise.race([patience.promise.then(() => true), signal.promise.then(() => false)])
      await world.turn()
      if (isOver) break
    }
    forget()
    return is()
  }

  /** Nothing counts any more but what undoes. */
  const drop = (reason: Error): Asked[] => {
    const dropped = [...asked.values()].filter(({ kind }) => kind !== 'undo')
    for (const { key } of dropped) {
      asked.delete(key)
      waits.delete(key)
      notes.over(key)
    }
    writings = writings.filter(({ entry }) => entry.kind === 'undo')
    aborter.abort(reason)
    return dropped
  }

  const fail = (error: unknown): void => {
    if (outcome || failure) return
    failure = { error }
    tidyUntil = null
    drop(new RunCancelledError('The run has failed'))
    poke()
  }

  const undoAll = async (given: Plan): Promise<void> => {
    const missed = await undoing.go(given, works, TIDY_MS, async (key) => {
      for (let turns = 0; turns < QUICK_TURNS && !undoing.has(key); turns += 1) await world.turn()
      if (!undoing.has(key)) await new Promise<void>((resolve) => void world.after(PATIENCE_MS, resolve))
      if (undoing.has(key)) return true
      const [entry] = byKey.get(key) ?? []
      if (entry) diverge(entry)
      return false
    })
    if (missed) outcome = { error: readError(given.error), missed }
    poke()
  }

  /** Everything recorded, in order; stops where code and journal part. */
  const deliver = async (): Promise<void> => {
    while (cursor < journal.length && !isLost && !diverged) {
      const entry = journal[cursor] as Entry
      if (entry.kind === 'cancel') {
        cursor += 1
        isCancelled = true
        tidyUntil = world.now() + TIDY_MS
        const error = new RunCancelledError(readValue(entry.value) as string ?? 'The run was cancelled')
        for (const one of drop(error)) one.reject(error)
        await world.turn()
        continue
      }
      if (entry.key === PLAN) {
        cursor += 1
        plan = readValue(entry.value) as Plan
        fail(readError(plan.error))
        void undoAll(plan)
        await world.turn()
        continue
      }
      if (entry.phase !== 'done' || ((isCancelled || failure) && entry.kind !== 'undo')) {
        cursor += 1
        continue
      }
      if (!asked.has(entry.key) && !(await comesTo(() => asked.has(entry.key)))) {
        // a question that was always answered alike may be taken out
        if (entry.kind !== 'patch') return diverge(entry)
        cursor += 1
        continue
      }
      const got = asked.get(entry.key)
      if (!got || isLost) return
      if (got.kind !== entry.kind || got.fingerprint !== entry.fingerprint) return diverge(entry)
      cursor += 1
      asked.delete(entry.key)
      if (entry.error === null) got.resolve(readValue(entry.value))
      else got.reject(readError(entry.error))
      await world.turn()
    }
  }

  const settle = (answer: Appended, entries: readonly NewEntry[]): boolean => {
    if (answer.is !== 'ok') return false
    for (const entry of entries) {
      const kept = { ...entry, seq: journal.length + 1, at: answer.now }
      journal.push(kept)
      know(kept)
    }
    cancelAt = answer.cancelAt
    return true
  }

  const readInbox = async (): Promise<void> => {
    inboxMayHaveMoved = false
    const seen = new Set(inbox.map(({ n }) => n))
    const more = await world.store.inbox(head.id, inbox.length)
    inbox.push(...more.filter(({ n }) => !seen.has(n)))
  }

  /** Writes what there is, together. False: the run is somebody else's. */
  const flush = async (change: Change = {}, isParking = false): Promise<'ok' | 'lost' | 'again'> => {
    const [group, rest] = groupOf(writings, change)
    writings = rest
    const entries = group.map(({ entry }) => entry)
    const isCareful = isParking || group.some(({ again }) => again)
    const answer = await write(world.store, group, {
      id: head.id, epoch: head.epoch, fromSeq: journal.length, entries, change, ...(isCareful && { seen: inbox.length }),
      ...(world.version !== undefined && { version: world.version }),
    })
    if (answer.is === 'inbox-moved') {
      writings = [...group.filter(({ again }) => !again), ...writings]
      await readInbox()
      for (const { again } of group) again?.()
      return 'again'
    }
    if (answer.is !== 'withdrawn' && !settle(answer, entries)) return 'lost'
    for (const { written } of group) written?.()
    return 'ok'
  }

  /** Waits for the code, a step, or the time. */
  const idle = async (at: number | null): Promise<void> => {
    const forget = at === null ? undefined : world.after(Math.max(at - world.now(), 0), poke)
    await signal.promise
    forget?.()
  }

  const end = async (): Promise<End> => {
    const notify = async (payload: string): Promise<void> => {
      if (head.parentId === null || head.parentKey === null) return
      await world.store.deliver(head.parentId, {
        messageId: `child ${head.id}`, type: `child ${head.parentKey}`, payload, by: null, key: head.parentKey,
      })
    }
    if (!outcome) throw new Error('A run without an outcome has no end')
    const change = changeOf(outcome, hidden)
    writings = writings.filter(({ again }) => !again)
    // told first: should this process end in between, the next one comes to the same end and tells it again
    await notify(writeValue({ status: change.status, output: change.output ?? null, error: change.error ?? null }))
    return (await flush(change)) === 'ok' ? 'ended' : 'lost'
  }

  const begin = async (code: () => Promise<unknown>): Promise<void> => {
    try {
      const value = await code()
      writeValue(value)
      if (!failure) outcome = { value }
      poke()
    } catch (error) {
      fail(error)
    }
  }

  const step = async (): Promise<End | undefined> => {
    signal = Promise.withResolvers()
    await deliver()
    if (isLost) return 'lost'
    if (diverged) {
      writings = []
      // only other code knows how to undo; where there is nothing to, none is needed
      if (cancelAt !== null && !journal.some(isMark)) {
        outcome = { error: new RunCancelledError(`${head.cancelReason ?? 'The run was cancelled'}. ${diverged.message}`) }
        return end()
      }
      // whoever has the code of its version goes on with it
      const hasOther = world.version !== undefined && world.version !== head.version
      return (await flush({ status: 'paused', reason: diverged.message, dueAt: hasOther ? world.now() : null })) === 'ok' ? 'paused' : 'lost'
    }
    if (cursor < journal.length) return undefined
    if (cancelAt !== null && !isCancelled && !outcome && !failure) {
      writings = [{ entry: {
        key: '!cancel', kind: 'cancel', phase: 'done', fingerprint: '', attempt: 0, input: null, error: null, startedAt: world.now(),
        value: writeValue(head.cancelReason),
      } }]
      return (await flush()) === 'lost' ? 'lost' : undefined
    }
    if (tidyUntil !== null && tidyUntil <= world.now()) fail(new RunCancelledError(head.cancelReason ?? 'The run was cancelled'))
    if (failure && !plan && asked.size === 0) {
      const keys = undoing.keys((key) => byKey.get(key) ?? [])
      if (keys.length > 0) {
        writings.push({ entry: planEntry({ keys, error: writeError(failure.error) }, world.now()) })
        return (await flush()) === 'lost' ? 'lost' : undefined
      }
      outcome = failure
    }
    if (outcome) return end()
    if (isLeaving) {
      if (writings.length > 0) return (await flush()) === 'lost' ? 'lost' : undefined
      if (busy === 0) return 'lost'
      await idle(null)
      return undefined
    }
    for (const one of asked.values()) {
      if (one.hasBegun) continue
      one.hasBegun = true
      one.begin()
    }
    if (inboxMayHaveMoved) await readInbox()
    // whatever this sets off in the same turn is written with it
    await world.turn()
    if (outcome || cursor < journal.length) return undefined
    if (isLost) return 'lost'
    waits.wake(inbox, world.now())
    const dueAt = waits.nextDue()
    const isIdle = busy === 0 && [...asked.values()].every(({ hasBegun, key }) => hasBegun && waits.has(key)) && asked.size > 0
    const isLong = dueAt === null || dueAt - world.now() > SHORT_MS
    if (isIdle && isLong && writings.every(({ entry }) => entry.phase !== 'done')) {
      const answer = await flush({ status: 'waiting', dueAt }, true)
      return answer === 'ok' ? 'parked' : answer === 'lost' ? 'lost' : undefined
    }
    if (writings.length > 0) return (await flush()) === 'lost' ? 'lost' : undefined
    await idle(dueAt ?? tidyUntil)
    return undefined
  }

  const over = (why: string): void => {
    isLost = true
    for (const one of [aborter, loser]) one.abort(new DOMException(why, 'AbortError'))
    poke()
  }

  return {
    go: async () => {
      void begin(await prepare(steps))
      for (;;) {
        const ended = await step()
        if (!ended) continue
        notes.stop()
        over('The run is not in this process any more')
        return ended
      }
    },
    lose: () => over('The lease of the run is over'),
    cancel: () => {
      cancelAt ??= world.now()
      poke()
    },
    leave: () => {
      isLeaving = true
      poke()
    },
    nudge: () => {
      inboxMayHaveMoved = true
      poke()
    },
  }
}
