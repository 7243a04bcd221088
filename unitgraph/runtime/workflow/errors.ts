/** What a workflow's code may meet, and what it may throw to say how to go on. */
import { ConflictError, PikkuError } from '../core/errors.ts'
import { differenceText, type Difference } from './difference.ts'

/** The run was asked to end: steps in flight and all later ones throw it. */
export class RunCancelledError extends Error {
  override readonly name = 'RunCancelledError'
}

/** A wait was over before what it waited for came. */
export class WaitTimeoutError extends Error {
  override readonly name = 'WaitTimeoutError'
}

/** A step that may run once only was begun, and nobody knows how it ended. */
export class StepInterruptedError extends Error {
  override readonly name = 'StepInterruptedError'
}

/** The step is not tried again. */
export class NonRetryableError extends Error {
  override readonly name = 'NonRetryableError'
}

/** A step is to be a transaction of a database that has none in which code can think. */
export class NoTransactionError extends NonRetryableError {
  constructor(step: string, why: string) {
    super(`The step ${step} is to be one transaction with its record, and its database has none: ${why}`)
  }
}

/** A start with an id that another run has. */
export class RunConflictError extends ConflictError {
  constructor(id: string) {
    super(`There is a run ${id} with another workflow or input`)
  }
}

/** The workflow's code doesn't do what its journal says: the run is paused until code or run are put right. */
export class DivergedError extends PikkuError {
  override readonly name = 'DivergedError'
  readonly difference: Difference

  constructor(difference: Difference) {
    super(differenceText(difference))
    this.difference = difference
  }
}
