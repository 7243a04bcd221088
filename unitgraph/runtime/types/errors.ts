/** The errors that have a status. Any other error is a 500 whose message the caller never sees. */

export interface ErrorDetails {
  /** The HTTP status. */
  status: number
  /** What the caller sees, in place of the error's own message. */
  message?: string
  /** A permanent code in kebab-case; by default from the class' name. */
  code?: string
}

export interface ErrorIssue {
  readonly path: readonly (string | number)[]
  readonly message: string
}

/** The base of errors that a caller may see. */
export declare class PikkuError extends Error {
  constructor(message?: string, options?: { cause?: unknown; issues?: readonly ErrorIssue[]; data?: unknown })
  readonly status: number
  readonly code: string
  readonly issues?: readonly ErrorIssue[]
  /** Goes to the caller as it is. */
  readonly data?: unknown
}

/** Gives a class of errors, and what extends it, a status. */
export declare function addError(
  errorClass: abstract new (...args: never[]) => Error, details: ErrorDetails,
): void
export declare function addErrors(
  errors: readonly (readonly [abstract new (...args: never[]) => Error, ErrorDetails])[],
): void

export declare class BadRequestError extends PikkuError {}
export declare class UnauthorizedError extends PikkuError {}
/** Needs a session and has none. */
export declare class MissingSessionError extends UnauthorizedError {}
export declare class InvalidSessionError extends UnauthorizedError {}
export declare class PaymentRequiredError extends PikkuError {}
export declare class ForbiddenError extends PikkuError {}
export declare class NotFoundError extends PikkuError {}
export declare class MethodNotAllowedError extends PikkuError {}
export declare class NotAcceptableError extends PikkuError {}
export declare class RequestTimeoutError extends PikkuError {}
export declare class ConflictError extends PikkuError {}
export declare class GoneError extends PikkuError {}
export declare class PreconditionFailedError extends PikkuError {}
export declare class PayloadTooLargeError extends PikkuError {}
export declare class UnsupportedMediaTypeError extends PikkuError {}
export declare class UnprocessableContentError extends PikkuError {}
export declare class LockedError extends PikkuError {}
export declare class FailedDependencyError extends PikkuError {}
export declare class PreconditionRequiredError extends PikkuError {}
export declare class TooManyRequestsError extends PikkuError {}
export declare class InternalServerError extends PikkuError {}
export declare class NotImplementedError extends PikkuError {}
export declare class BadGatewayError extends PikkuError {}
export declare class ServiceUnavailableError extends PikkuError {}
export declare class GatewayTimeoutError extends PikkuError {}
/** The environment has no such secret. */
export declare class MissingSecretError extends InternalServerError {}
