/** `@pikku/core/scheduler`. */
export * from '../pikku/scheduler.ts'
