/** Cron Triggers: which tasks an expression means (https://developers.cloudflare.com/workers/configuration/cron-triggers/). */
import type { Platform } from '../core/answer.ts'
import type { Unit } from '../core/unit.ts'

export interface Trigger {
  readonly cron: string
  readonly scheduledTime: number
}

/** What stands around a task's run; false: it has failed. */
export type Around = (unit: Unit, task: string, atMs: number, run: () => Promise<boolean>) => Promise<boolean>

/** Cloudflare's expression → the names of its tasks. Where one fails, the event has failed, once all have ended. */
export const scheduled = (tasks: Readonly<Record<string, readonly string[]>>, around?: Around) =>
  (unit: Unit) =>
  async ({ cron, scheduledTime }: Trigger, platform: Platform): Promise<void> => {
    const names = Object.hasOwn(tasks, cron) ? (tasks[cron] ?? []) : []
    const found = unit.options.schedule?.start(unit)
    const due = names.flatMap((name) => found?.get(name) ?? [])
    if (due.length === 0) throw new Error(`${unit.name} has no task for ${cron}`)
    const ran = await Promise.all(due.map(async (task) => {
      const run = () => task.run(new Date(scheduledTime), platform)
      return { name: task.name, isGood: await (around ? around(unit, task.name, scheduledTime, run) : run()) }
    }))
    const failed = ran.filter(({ isGood }) => !isGood).map(({ name }) => name)
    if (failed.length > 0) throw new Error(`Failed: ${failed.join(', ')}`)
  }
