/** `@pikku/core/agent`. */
export * from '../pikku/agent.ts'
