/** `#pikku/agent`: AI agents over the project's functions. */
import type { AnyFunction, PikkuFunction } from './function.js'
import type { Middleware, Permissions } from './middleware.js'
import type { InferInput, StandardSchema } from './schema.js'

export interface AgentOptions<I extends StandardSchema | undefined, O extends StandardSchema | undefined> {
  name: string
  description?: string
  instructions?: string
  goal?: string
  role?: string
  /** `anthropic/claude-sonnet-4-5` */
  model: string
  tools?: readonly AnyFunction[]
  agents?: readonly AnyFunction[]
  subAgents?: readonly AnyFunction[]
  input?: I
  output?: O
  maxSteps?: number
  temperature?: number
  toolChoice?: 'auto' | 'required' | 'none'
  memory?: Readonly<Record<string, unknown>>
  auth?: boolean
  permissions?: Permissions<unknown>
  middleware?: readonly Middleware[]
  tags?: readonly string[]
  title?: string
  summary?: string
  deploy?: 'serverless' | 'server'
}

export interface AgentInput {
  message: string
  threadId?: string
  resourceId?: string
  attachments?: readonly unknown[]
}

export interface AgentOutput {
  runId: string
  text: string
  object?: unknown
}

/** An agent: a function whose steps a model chooses. */
export declare function pikkuAIAgent<
  I extends StandardSchema | undefined = undefined, O extends StandardSchema | undefined = undefined,
>(
  options: AgentOptions<I, O>,
): PikkuFunction<
  I extends StandardSchema ? InferInput<I> : AgentInput, O extends StandardSchema ? InferInput<O> : AgentOutput, 'agent'
>

export declare const pikkuAgent: typeof pikkuAIAgent
