/** `@pikku/core/channel`. */
export * from '../pikku/channel.ts'
