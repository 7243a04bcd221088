/** Calls tasks when their time has come, where the platform's own clock isn't there. A time that was missed is left out. */
import { parseCron } from '../../../runtime/schedule/cron.ts'
import type { Task } from './words.ts'

/** Looked at this often, whatever a timer says: machines sleep, and clocks are set. */
const LOOK_MS = 30_000

export interface Clock {
  /** Goes by the tasks that there are now. */
  start(): void
  stop(): void
}

export const createClock = (tasks: () => readonly Task[], run: (task: Task) => void, now: () => number = Date.now): Clock => {
  let timer: ReturnType<typeof setTimeout> | undefined
  let seen = now()
  const next = (task: Task): number => parseCron(task.schedule).next(seen) ?? Number.POSITIVE_INFINITY
  const turn = (): void => {
    const time = now()
    const due = tasks().filter((task) => next(task) <= time)
    seen = time
    for (const task of due) run(task)
    timer = setTimeout(turn, Math.min(Math.max(Math.min(...tasks().map(next)) - time, 1), LOOK_MS))
  }
  return {
    start: () => {
      clearTimeout(timer)
      turn()
    },
    stop: () => clearTimeout(timer),
  }
}
