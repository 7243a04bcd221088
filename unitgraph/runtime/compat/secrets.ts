/** `@pikku/core/secrets`. */
export * from '../pikku/secrets.ts'
