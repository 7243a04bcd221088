/** Schedules. A wiring is read from the source; at run time it does nothing. */
import type * as api from '../types/scheduler.ts'

/* @__NO_SIDE_EFFECTS__ */
export const wireScheduler: typeof api.wireScheduler = () => undefined
export type * from '../types/scheduler.ts'
