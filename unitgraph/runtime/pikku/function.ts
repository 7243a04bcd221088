/** Functions. */
import { author } from '../core/definition.ts'
import type * as api from '../types/function.ts'

export const pikkuFunc: typeof api.pikkuFunc = author('func') as never
export const pikkuSessionlessFunc: typeof api.pikkuSessionlessFunc = author('sessionless') as never
export const pikkuVoidFunc: typeof api.pikkuVoidFunc = author('void') as never
export const pikkuListFunc: typeof api.pikkuListFunc = author('list') as never
export type * from '../types/function.ts'
