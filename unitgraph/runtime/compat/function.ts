/** `@pikku/core/function`. */
export * from '../pikku/function.ts'
