/** A process' clock: calls tasks when their time has come, one process a time where several share a store. */
import { parseCron, type Cron } from '../schedule/cron.ts'
import type { Background, Context } from './background.ts'
import { openStore, type Store } from './store.ts'
import type { Ticks } from './ticks.ts'

export interface ScheduleEntry {
  readonly name: string
  readonly schedule: string
  readonly unit: string
  readonly missed: 'run' | 'skip'
  readonly overlap: 'allow' | 'skip'
}

/** The clock is looked at this often, whatever a timer says: machines sleep, and clocks are set. */
const LOOK_MS = 30_000
const LEASE_MS = 30_000
/** A time is missed when nobody came to it for this long. */
const LATE_MS = 60_000
const AFTER_FAULT_MS = 1000

interface Kept {
  readonly entry: ScheduleEntry
  readonly cron: Cron
  next: number | undefined
}

/** `open`: how to get at the store; the clock is the one that its processes share. */
export const schedules = (entries: readonly ScheduleEntry[], open: typeof openStore = openStore): Background => {
  let store: Store | undefined
  let ticks!: Ticks
  let context: Context | undefined
  let timer: ReturnType<typeof setTimeout> | undefined
  let turning: Promise<void> | undefined
  const kept: Kept[] = entries.map((entry) => ({ entry, cron: parseCron(entry.schedule), next: undefined }))

  const run = async ({ name, unit }: ScheduleEntry, atMs: number, { units, logger, signal, run: keep }: Context): Promise<void> => {
    const told = (work: Promise<unknown>): Promise<unknown> =>
      work.catch((error: unknown) => logger.error(error, { task: name, code: 'schedule-fault' }))
    const heartbeat = setInterval(() => void told(ticks.renew(name, atMs, LEASE_MS)), LEASE_MS / 3)
    signal.addEventListener('abort', () => clearInterval(heartbeat))
    const waitUntil = (work: Promise<unknown>): void => void keep(work).catch((error: unknown) => logger.error(error, { task: name }))
    try {
      const task = (await units.start(unit)).tasks?.get(name)
      if (!task) throw new Error(`${unit} has no task ${name}`)
      await task.run(new Date(atMs), { signal, waitUntil })
    } catch (error) {
      logger.error(error, { task: name, code: 'task-not-run' })
    } finally {
      clearInterval(heartbeat)
      // what was ended with the process counts as missed
      if (!signal.aborted) await told(ticks.ended(name, atMs))
    }
  }

  const fire = async (entry: ScheduleEntry, atMs: number, here: Context): Promise<void> => {
    if (context !== here) return
    if (await ticks.take(entry.name, atMs, LEASE_MS, entry.overlap === 'skip')) void here.run(run(entry, atMs, here))
    else if ((await ticks.last(entry.name)) < atMs) {
      here.logger.warn('The task was not started: its last run goes on', { task: entry.name, executionTime: new Date(atMs).toISOString() })
    }
  }

  const look = async (one: Kept, time: number, here: Context): Promise<void> => {
    const { entry, cron } = one
    // the first time that the store answers: with what was missed since anybody ran it, or from now on
    if (one.next === undefined) {
      await ticks.know(entry.name, time)
      one.next = cron.next(entry.missed === 'run' ? await ticks.last(entry.name) : time)
    }
    if (entry.missed === 'run') {
      const unended = await ticks.takeOver(entry.name, LEASE_MS)
      if (unended !== undefined) void here.run(run(entry, unended, here))
    }
    const due = one.next !== undefined && one.next <= time ? cron.last(time, one.next - 1) : undefined
    if (due !== undefined && (time - due < LATE_MS || entry.missed === 'run')) await fire(entry, due, here)
    one.next = cron.next(time)
  }

  const turn = async (here: Context): Promise<void> => {
    let inMs = AFTER_FAULT_MS
    try {
      const time = await ticks.now()
      const looked = await Promise.allSettled(kept.map((one) => look(one, time, here)))
      const failed = looked.find((result) => result.status === 'rejected')
      if (failed) throw failed.reason
      inMs = Math.min(...kept.map((one) => one.next ?? Number.POSITIVE_INFINITY)) - (await ticks.now())
    } catch (error) {
      here.logger.error(error, { code: 'schedule-fault' })
    }
    const next = (): void => { turning = turn(here) }
    if (context === here) timer = setTimeout(next, Math.min(Math.max(inMs, 1), LOOK_MS))
  }

  return {
    open: async (env, project) => {
      store = await open(env, project)
      ticks = store.ticks()
    },
    start: (started) => {
      context = started
      turning = turn(started)
      return turning
    },
    stop: () => {
      context = undefined
      clearTimeout(timer)
    },
    close: async () => {
      await turning
      await store?.close()
    },
  }
}
