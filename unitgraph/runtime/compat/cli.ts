/** `@pikku/core/cli`. */
export * from '../pikku/cli.ts'
