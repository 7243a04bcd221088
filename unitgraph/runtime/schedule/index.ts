/** The clock's calls to functions. Knows no clock: when a time has come is said to it. */
import type { Platform } from '../core/answer.ts'
import type { Call } from '../core/call.ts'
import { reportError } from '../core/errors.ts'
import { loggerOf } from '../core/failure.ts'
import { invoke } from '../core/invoke.ts'
import { Session } from '../core/session.ts'
import { readTrace } from '../core/trace.ts'
import type { Unit } from '../core/unit.ts'
import type { ScheduledTask } from '../types/scheduler.ts'

export interface TaskEntry {
  readonly name: string
  readonly schedule: string
  readonly function: string
  readonly options?: Partial<ScheduledTask>
}

export interface Task {
  readonly name: string
  /** Never throws; false: it failed. A failed run is not tried again: the next time is the next try. */
  run(at: Date, platform: Platform): Promise<boolean>
}

export interface SchedulePart {
  /** A task for each name. */
  start(unit: Unit): ReadonlyMap<string, Task>
}

const createTask = (unit: Unit, { name, schedule, function: id, options = {} }: TaskEntry): Task => {
  const definition = unit.functions.get(id)
  if (!definition) throw new Error(`The task ${name} in ${unit.name} needs the function ${id}, which is not there`)
  const around = { tags: options.tags ?? [], middleware: options.middleware ?? [], permissions: [options.permissions] }
  return {
    name,
    run: async (at, platform) => {
      const started = performance.now()
      const logger = await loggerOf(unit)
      const trace = readTrace(new Headers())
      const startMs = Date.now()
      const tell = (error?: string): void => unit.host.tell?.({
        traceparent: trace.traceparent, name: `task ${name}`, kind: 'internal', startMs, endMs: Date.now(), error,
        attributes: { 'unitgraph.task': name, 'unitgraph.unit': unit.name },
      })
      const known = { task: name, executionTime: at.toISOString() }
      const line = () => ({
        ...known, unit: unit.name, requestId: trace.requestId, ms: Math.round((performance.now() - started) * 10) / 10,
      })
      const skip = (reason?: string): void => logger.info('task skipped', { ...line(), reason })
      const call: Call = {
        ...trace, ...platform, transport: 'scheduler', session: new Session(), depth: 0, fields: known,
        scheduledTask: { name, schedule, executionTime: at, skip },
      }
      try {
        await invoke(unit, definition, call, async () => ({ data: undefined }), around)
        logger.info('task done', line())
        tell()
        return true
      } catch (thrown) {
        const error = thrown instanceof Error ? thrown : new Error(`Something was thrown that is no error: ${String(thrown)}`)
        logger.error(error, { ...line(), code: 'task-failed', issues: reportError(error).issues })
        tell(error.message)
        return false
      }
    },
  }
}

export const schedule = (entries: readonly TaskEntry[]): SchedulePart => ({
  start: (unit) => new Map(entries.map((entry) => [entry.name, createTask(unit, entry)])),
})
