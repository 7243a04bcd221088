/** `@pikku/core/workflow`. */
export * from '../pikku/workflow.ts'
