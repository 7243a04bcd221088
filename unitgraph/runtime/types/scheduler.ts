/** `#pikku/scheduler`: functions that the clock calls. */
import type { AnyFunction } from './function.js'
import type { Middleware, Permissions } from './middleware.js'

export interface ScheduledTask {
  /** Default: the function's name in kebab-case. */
  name?: string
  /** Five fields, UTC; Sunday is 0 or 7. */
  schedule: string
  func: AnyFunction
  /** In the executable: whether a time that passed while nothing ran is made up for, once. Default `skip`. */
  missed?: 'run' | 'skip'
  /** In the executable: whether it may start while the last time's run goes on, in any process. Default `allow`. */
  overlap?: 'allow' | 'skip'
  middleware?: readonly Middleware[]
  permissions?: Permissions<unknown>
  tags?: readonly string[]
  title?: string
  description?: string
}

export declare function wireScheduler(task: ScheduledTask): void
