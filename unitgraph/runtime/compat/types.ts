/** `@pikku/core/types`. */
export type * from '../types/index.ts'
