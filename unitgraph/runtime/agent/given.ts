/** What an agent is made of: what its author wrote, and what its unit was built with. */
import type { AgentDecision, AgentEvent, AgentOptions } from '../types/agent.ts'
import type { StandardSchema } from '../types/schema.ts'
import type { Logger } from '../types/services.ts'
import type { Wire } from '../types/wire.ts'
import type { ModelProvider } from './models.ts'
import type { JsonSchema } from './schema.ts'
import type { AgentStore, Owned } from './store.ts'

export type Options = AgentOptions<StandardSchema | undefined, StandardSchema | undefined>

export interface ToolGiven {
  /** As the model knows it. */
  readonly name: string
  readonly function: string
  readonly description?: string
  /** JSON Schema, or a schema of any library that can say it. */
  readonly input?: StandardSchema | JsonSchema
  /** Asked for before each call. */
  readonly approval?: boolean
  readonly isAgent?: boolean
  /** Calling it begins a run. */
  readonly isWorkflow?: boolean
}

export interface Given {
  readonly name: string
  readonly function: string
  readonly tools: readonly ToolGiven[]
  readonly providers: Readonly<Record<string, ModelProvider>>
}

/** One agent at work for one caller. */
export interface Work {
  readonly options: Options
  readonly given: Given
  readonly store: AgentStore
  readonly of: Owned
  readonly wire: Wire
  readonly logger: Logger
  readonly services: Readonly<Record<string, unknown>>
  readonly signal: AbortSignal
  emit(event: AgentEvent): Promise<void>
}

export type Decisions = readonly AgentDecision[]
