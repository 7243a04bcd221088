/** A unit that shares its process with others: made once its code is loaded, with what the process holds. */
import { createInner } from './core/answer.ts'
import { createRpc } from './core/rpc.ts'
import { createUnit, type Answer, type Host, type Unit, type UnitOptions } from './core/unit.ts'
import * as pieces from './pieces.ts'
import type { Consumer } from './queue/index.ts'
import type { Task } from './schedule/index.ts'
import type { Workflow } from './workflow/index.ts'

export interface StartedUnit {
  readonly unit: Unit
  readonly consumers: ReadonlyMap<string, Consumer> | undefined
  readonly tasks: ReadonlyMap<string, Task> | undefined
  readonly workflows: ReadonlyMap<string, Workflow> | undefined
  readonly answer: Answer
}

export type UnitModule = (host: Host) => StartedUnit

export const unit = (options: UnitOptions): UnitModule => (host) => {
  const made = createUnit({ rpc: createRpc, pieces, ...options }, host)
  const { queue, schedule, workflows } = options
  return {
    unit: made, consumers: queue?.start(made), tasks: schedule?.start(made), workflows: workflows?.start(made),
    answer: createInner(made),
  }
}
