/** Errors with a status. */
export * from '../compat/errors.ts'
