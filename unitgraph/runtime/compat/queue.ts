/** `@pikku/core/queue`. */
export * from '../pikku/queue.ts'
