/** The errors with a status, and what a caller may know of any error. Knows no transport. */
import type * as api from '../types/errors.ts'
import { redact, redactValue } from './secrets.ts'

/** Holds the names of an error's classes, so that an error from another unit or bundle is still told apart. */
const BRAND = Symbol.for('unitgraph.error')

/** Where a class that was given a status has it, for itself and for what extends it. */
const DETAILS = Symbol('details')

type ErrorClass = abstract new (...args: never[]) => Error
type Options = { cause?: unknown; issues?: readonly api.ErrorIssue[] | undefined; data?: unknown }

const kebab = (name: string): string =>
  name.replace(/Error$/, '').replace(/([a-z0-9])([A-Z])|([A-Z])([A-Z][a-z])/g, '$1$3-$2$4').toLowerCase()

const classNames = (error: Error): string[] => {
  const names = [error.name]
  for (let p = Object.getPrototypeOf(error); p && p !== Error.prototype; p = Object.getPrototypeOf(p)) {
    if (p.constructor.name !== names.at(-1)) names.push(p.constructor.name)
  }
  return names
}

export class PikkuError extends Error {
  declare readonly status: number
  declare readonly issues?: readonly api.ErrorIssue[]
  declare readonly data?: unknown

  constructor(message?: string, options: Options = {}) {
    super(message, options as ErrorOptions)
    this.name = new.target.name
    if (options.issues) this.issues = options.issues
    if (options.data !== undefined) this.data = options.data
  }

  get code(): string {
    return (this as Branded)[DETAILS]?.code ?? kebab(this.name)
  }

  get [BRAND](): readonly string[] {
    return classNames(this)
  }

  /** By identity, or by name where the error came from another unit or another copy of this module. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    if (Function.prototype[Symbol.hasInstance].call(this, value)) return true
    return Boolean((value as Branded | undefined)?.[BRAND]?.includes(this.name))
  }
}

type Branded = Error & { [BRAND]?: readonly string[]; [DETAILS]?: api.ErrorDetails; status?: number; code?: string }

export const addError = (errorClass: ErrorClass, details: api.ErrorDetails): void => {
  Object.defineProperty(errorClass.prototype, DETAILS, { value: details, configurable: true })
}

export const addErrors: typeof api.addErrors = (errors) => {
  for (const [errorClass, details] of errors) addError(errorClass, details)
}

type PikkuErrorClass = typeof api.PikkuError

/* One line an error: a class with a name, a status and a message; a unit holds those that it names. */
/* @__NO_SIDE_EFFECTS__ */
const family = (name: string, status: number, message: string, base: unknown = PikkuError): PikkuErrorClass => {
  const named = {
    [name]: class extends (base as typeof PikkuError) {
      constructor(text: string = message, options?: Options) {
        super(text, options)
      }
    },
  }
  const made = named[name] as unknown as PikkuErrorClass
  Object.defineProperty(made.prototype, 'status', { value: status, configurable: true, writable: true })
  return made
}

export const BadRequestError = family('BadRequestError', 400, 'Bad request')
export const UnauthorizedError = family('UnauthorizedError', 401, 'Unauthorized')
export const MissingSessionError = family('MissingSessionError', 401, 'A session is needed', UnauthorizedError)
export const InvalidSessionError = family('InvalidSessionError', 401, 'The session is not valid', UnauthorizedError)
export const PaymentRequiredError = family('PaymentRequiredError', 402, 'Payment required')
export const ForbiddenError = family('ForbiddenError', 403, 'Forbidden')
export const NotFoundError = family('NotFoundError', 404, 'Not found')
export const MethodNotAllowedError = family('MethodNotAllowedError', 405, 'Method not allowed')
export const NotAcceptableError = family('NotAcceptableError', 406, 'Not acceptable')
export const RequestTimeoutError = family('RequestTimeoutError', 408, 'Request timeout')
export const ConflictError = family('ConflictError', 409, 'Conflict')
export const GoneError = family('GoneError', 410, 'Gone')
export const PreconditionFailedError = family('PreconditionFailedError', 412, 'Precondition failed')
export const PayloadTooLargeError = family('PayloadTooLargeError', 413, 'Payload too large')
export const UnsupportedMediaTypeError = family('UnsupportedMediaTypeError', 415, 'Unsupported media type')
export const UnprocessableContentError = family('UnprocessableContentError', 422, 'Unprocessable content')
export const LockedError = family('LockedError', 423, 'Locked')
export const FailedDependencyError = family('FailedDependencyError', 424, 'Failed dependency')
export const PreconditionRequiredError = family('PreconditionRequiredError', 428, 'Precondition required')
export const TooManyRequestsError = family('TooManyRequestsError', 429, 'Too many requests')
export const InternalServerError = family('InternalServerError', 500, 'Internal server error')
export const NotImplementedError = family('NotImplementedError', 501, 'Not implemented')
export const BadGatewayError = family('BadGatewayError', 502, 'Bad gateway')
export const ServiceUnavailableError = family('ServiceUnavailableError', 503, 'Service unavailable')
export const GatewayTimeoutError = family('GatewayTimeoutError', 504, 'Gateway timeout')
export const MissingSecretError = family('MissingSecretError', 500, 'A secret is missing', InternalServerError)

/** What a caller may know: for an unknown error that is its status. */
export interface ErrorReport {
  readonly status: number
  readonly code: string
  readonly message: string
  readonly names: readonly string[]
  readonly issues?: readonly api.ErrorIssue[] | undefined
  readonly data?: unknown
  /** Nobody gave it a status: the caller sees an id in place of its message. */
  readonly unknown: boolean
}

/** A message given to `addError` stands before the error's own, and that is shown of a PikkuError only. */
export const reportError = (thrown: unknown): ErrorReport => {
  const error = (thrown instanceof Error ? thrown : {}) as Branded & api.PikkuError
  const details = error[DETAILS]
  const names = error[BRAND]
  const status = details?.status ?? (names && error.status)
  // a 500 is nothing that a caller can act on: whoever threw it, its text is for the log
  if (!status || (status === 500 && !details?.message)) {
    return { status: 500, code: 'internal', message: 'Internal server error', names: [], unknown: true }
  }
  const own = kebab(error.constructor.name)
  return {
    status,
    code: details?.code ?? (names ? error.code : own),
    message: redact(details?.message ?? (names ? error.message : own.replaceAll('-', ' '))),
    names: names ?? [error.constructor.name],
    issues: redactValue(error.issues),
    data: names && redactValue(error.data),
    unknown: false,
  }
}

/** The error that another unit reported. */
export const rebuildError = (report: ErrorReport): Error => {
  const error = new PikkuError(report.message, report)
  const own = { status: report.status, code: report.code, name: report.names[0] ?? 'PikkuError', [BRAND]: report.names }
  for (const key of Reflect.ownKeys(own)) {
    Object.defineProperty(error, key, { value: own[key as 'status'], configurable: true, enumerable: false })
  }
  return error
}
