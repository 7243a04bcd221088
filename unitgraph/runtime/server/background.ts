/** What a process does besides answering requests: works on queues, keeps to schedules. */
import type { Call } from '../core/call.ts'
import type { Environment } from '../core/environment.ts'
import type { Tell } from '../core/span.ts'
import type { Logger } from '../types/services.ts'
import type { Units } from './units.ts'

export interface Context {
  readonly units: Units
  readonly logger: Logger
  /** Aborted when the process ends and waits no longer. */
  readonly signal: AbortSignal
  /** The process doesn't end before this has, within the time that it is given. */
  run<T>(work: Promise<T>): Promise<T>
}

export interface Background {
  /** Makes ready what services may need; fails where the process can't start. */
  open(env: Environment, project: string, tell?: Tell): Promise<void> | void
  start(context: Context): Promise<void> | void
  /** Takes on nothing more; what is under way goes on. */
  stop(): void
  /** Gives back what is still under way. */
  close(): Promise<void> | void
  /** Answers what is below `/__unitgraph/`; undefined: that is somebody else's. */
  answer?(request: Request, path: string, call: Call): Promise<Response | undefined> | undefined
  /** What the process' health says of it. */
  health?(): Readonly<Record<string, unknown>>
}
