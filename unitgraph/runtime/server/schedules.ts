/** A process' clock: calls tasks when their time has come, one process a time where several share the data folder. */
import { parseCron, type Cron } from '../schedule/cron.ts'
import type { Background, Context } from './background.ts'
import { closeStore, openStore } from './database.ts'
import { dataFolder } from './folder.ts'
import { createTicks, type Ticks } from './ticks.ts'

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

interface Kept {
  readonly entry: ScheduleEntry
  readonly cron: Cron
  next: number | undefined
}

export const schedules = (entries: readonly ScheduleEntry[], now: () => number = Date.now): Background => {
  let folder = ''
  let ticks!: Ticks
  let context: Context | undefined
  let timer: ReturnType<typeof setTimeout> | undefined
  const kept: Kept[] = entries.map((entry) => ({ entry, cron: parseCron(entry.schedule), next: undefined }))

  const run = async ({ name, unit }: ScheduleEntry, atMs: number, { units, logger, signal, run: keep }: Context): Promise<void> => {
    const heartbeat = setInterval(() => {
      try {
        ticks.renew(name, atMs, LEASE_MS)
      } catch (error) {
        logger.error(error, { task: name, code: 'schedule-fault' })
      }
    }, LEASE_MS / 3)
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
      if (!signal.aborted) ticks.ended(name, atMs)
    }
  }

  const fire = (entry: ScheduleEntry, atMs: number, here: Context): void => {
    const isTaken = ticks.take(entry.name, atMs, LEASE_MS, entry.overlap === 'skip')
    if (isTaken) void here.run(run(entry, atMs, here))
    else if (ticks.last(entry.name) < atMs) {
      here.logger.warn('The task was not started: its last run goes on', { task: entry.name, executionTime: new Date(atMs).toISOString() })
    }
  }

  const look = (here: Context): void => {
    const time = now()
    for (const one of kept) {
      const { entry, cron } = one
      if (entry.missed === 'run') {
        const unended = ticks.takeOver(entry.name, LEASE_MS)
        if (unended !== undefined) void here.run(run(entry, unended, here))
      }
      const due = one.next !== undefined && one.next <= time ? cron.last(time, one.next - 1) : undefined
      if (due !== undefined && (time - due < LATE_MS || entry.missed === 'run')) fire(entry, due, here)
      one.next = cron.next(time)
    }
  }

  const turn = (): void => {
    const here = context
    if (!here) return
    try {
      look(here)
    } catch (error) {
      here.logger.error(error, { code: 'schedule-fault' })
    }
    const next = Math.min(...kept.map((one) => one.next ?? Number.POSITIVE_INFINITY))
    timer = setTimeout(turn, Math.min(Math.max(next - now(), 1), LOOK_MS))
  }

  return {
    open: (env, project) => {
      folder = dataFolder(env, project)
      ticks = createTicks(openStore(folder), now)
    },
    start: (started) => {
      context = started
      const time = now()
      for (const one of kept) {
        ticks.know(one.entry.name, time)
        // with what was missed since the last time that anybody ran it, or from now on
        one.next = one.cron.next(one.entry.missed === 'run' ? ticks.last(one.entry.name) : time)
      }
      turn()
    },
    stop: () => {
      context = undefined
      clearTimeout(timer)
    },
    close: () => closeStore(folder),
  }
}
