/** `@pikku/core/middleware`. */
export * from '../pikku/middleware.ts'
