/** `@pikku/core`. */
export * from '../pikku/index.ts'
