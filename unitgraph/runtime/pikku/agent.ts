/** Agents. */
import { author } from '../core/definition.ts'
import type * as api from '../types/agent.ts'

export const pikkuAIAgent: typeof api.pikkuAIAgent = author('agent') as never
export const pikkuAgent: typeof api.pikkuAgent = pikkuAIAgent
export type * from '../types/agent.ts'
