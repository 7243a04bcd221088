/** What a run comes to, as what its head is told. Pure. */
import type { Path } from './hidden.ts'
import type { Change } from './store.ts'
import { writeError, writeValue } from './values.ts'

/** `missed`: steps that could not be undone. */
export type Outcome = { readonly value: unknown } | { readonly error: unknown; readonly missed?: readonly string[] }

export const changeOf = (outcome: Outcome, hidden?: readonly Path[]): Change => {
  if ('value' in outcome) return { status: 'completed', output: writeValue(outcome.value, hidden) }
  const { error, missed = [] } = outcome
  const why = error instanceof Error ? error.message : String(error)
  const isCancel = error instanceof Error && error.name === 'RunCancelledError'
  return {
    status: isCancel ? 'cancelled' : 'failed', error: writeError(error),
    reason: missed.length > 0 ? `${why} (not undone: ${missed.join(', ')})` : why,
  }
}
