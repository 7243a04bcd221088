/** What becomes of a run that goes on killing its workers. Pure. */
import type { Head } from './run.ts'
import type { Change } from './store.ts'

/** Claims of an expired lease without getting on. */
const MOST_RECOVERIES = 10

/** Undefined for a run that isn't taken for one. */
export const deadly = ({ recoveries, seq }: Head): Change | undefined =>
  recoveries > MOST_RECOVERIES
    ? { status: 'paused', reason: `Its workers ended ${recoveries} times without its getting on; the last thing recorded is entry ${seq}` }
    : undefined
