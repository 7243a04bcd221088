/** `@pikku/core/trigger`. */
export * from '../pikku/trigger.ts'
