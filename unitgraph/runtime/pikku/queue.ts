/** Queues. A wiring is read from the source; at run time it does nothing. */
import type * as api from '../types/queue.ts'

/* @__NO_SIDE_EFFECTS__ */
export const wireQueueWorker: typeof api.wireQueueWorker = () => undefined
export type * from '../types/queue.ts'
