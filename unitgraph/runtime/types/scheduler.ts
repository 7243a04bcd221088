/** `#pikku/scheduler`: functions that the clock calls. */
import type { AnyFunction } from './function.js'
import type { Middleware } from './middleware.js'

export interface ScheduledTask {
  /** Default: the function's name in kebab-case. */
  name?: string
  /** Five fields, UTC. */
  schedule: string
  func: AnyFunction
  middleware?: readonly Middleware[]
  tags?: readonly string[]
  title?: string
  description?: string
}

export declare function wireScheduler(task: ScheduledTask): void
