/** `@pikku/core/setup`. */
export * from '../pikku/setup.ts'
