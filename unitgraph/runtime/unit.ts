/** A unit that shares its process with others: made once its code is loaded, with what the process holds. */
import { createAnswer } from './core/answer.ts'
import type { Call } from './core/call.ts'
import { createUnit, type Host, type Unit, type UnitOptions } from './core/unit.ts'
import type { Consumer } from './queue/index.ts'
import type { Task } from './schedule/index.ts'
import type { Workflow } from './workflow/index.ts'

export interface StartedUnit {
  readonly unit: Unit
  readonly consumers: ReadonlyMap<string, Consumer> | undefined
  readonly tasks: ReadonlyMap<string, Task> | undefined
  readonly workflows: ReadonlyMap<string, Workflow> | undefined
  answer(request: Request, call: Call): Promise<Response>
}

export type UnitModule = (host: Host) => StartedUnit

export const unit = (options: UnitOptions): UnitModule => (host) => {
  const made = createUnit(options, host)
  const { queue, schedule, workflows } = options
  return {
    unit: made, consumers: queue?.start(made), tasks: schedule?.start(made), workflows: workflows?.start(made),
    answer: createAnswer(made, false),
  }
}
