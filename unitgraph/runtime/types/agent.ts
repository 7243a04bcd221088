/** `#pikku/agent`: AI agents over the project's functions. */
import type { AnyFunction, PikkuFunction } from './function.js'
import type { Middleware, Permissions } from './middleware.js'
import type { InferInput, InferOutput, StandardSchema } from './schema.js'

export interface AgentMemory {
  /** How many messages of its thread the model is reminded of. Default: 20. */
  readonly lastMessages?: number
  /** The most of those, at about four characters a token. */
  readonly maxTokens?: number
  /** Keeps a summary of what is older, which costs a question to the model now and then. */
  readonly summarise?: boolean
  readonly [other: string]: unknown
}

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
  /** The form of the answer, which is then in `object`. */
  output?: O
  /** How often the model may be asked in one run. Default: 10. */
  maxSteps?: number
  temperature?: number
  maxOutputTokens?: number
  toolChoice?: 'auto' | 'required' | 'none'
  memory?: AgentMemory
  /** For one answer of the model. Default: two minutes. */
  timeoutMs?: number
  /** How long a run waits for approvals. Default: seven days. */
  approvalTimeoutMs?: number
  /** Whether a session is needed. Default: yes. */
  auth?: boolean
  permissions?: Permissions<unknown>
  middleware?: readonly Middleware[]
  tags?: readonly string[]
  title?: string
  summary?: string
  deploy?: 'serverless' | 'server'
}

export interface AgentAttachment {
  readonly mediaType: string
  /** Base64. */
  readonly data: string
  readonly filename?: string
}

export interface AgentInput {
  message: string
  /** The conversation that this goes on with; without one, a new one begins. */
  threadId?: string
  resourceId?: string
  attachments?: readonly AgentAttachment[]
}

export interface AgentUsage {
  readonly inputTokens: number
  readonly outputTokens: number
}

/** A call of a tool that waits until somebody has decided. */
export interface AgentApproval {
  readonly approvalId: string
  readonly tool: string
  readonly input: unknown
  /** Which agent wants to make it, where that is one that was called. */
  readonly agent?: string
}

export interface AgentDecision {
  readonly approvalId: string
  readonly approved: boolean
  /** The model is told. */
  readonly reason?: string
}

export interface AgentOutput<Result = unknown> {
  runId: string
  threadId: string
  agent: string
  status: 'completed' | 'suspended' | 'running' | 'failed' | 'expired'
  text: string
  /** The answer in the form of the agent's `output`. */
  object?: Result
  /** What a suspended run waits for. */
  approvals?: readonly AgentApproval[]
  finishReason?: string
  steps: number
  usage: AgentUsage
}

/** What happens in a run, while it happens. The output comes after the last of them. */
export type AgentEvent =
  | { readonly type: 'run'; readonly runId: string; readonly threadId: string }
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'tool-call'; readonly toolCallId: string; readonly tool: string; readonly input: unknown }
  | {
      readonly type: 'tool-result'; readonly toolCallId: string; readonly tool: string; readonly isError: boolean
      readonly result: string
    }
  | { readonly type: 'approvals'; readonly approvals: readonly AgentApproval[] }

/** Who listens to an agent's events. */
export interface AgentWire {
  send(event: AgentEvent): void | Promise<void>
}

/** An agent: a function whose steps a model chooses. */
export declare function pikkuAIAgent<
  I extends StandardSchema | undefined = undefined, O extends StandardSchema | undefined = undefined,
>(
  options: AgentOptions<I, O>,
): PikkuFunction<
  I extends StandardSchema ? InferInput<I> : AgentInput,
  O extends StandardSchema ? AgentOutput<InferOutput<O>> : AgentOutput, 'agent'
>

export declare const pikkuAgent: typeof pikkuAIAgent
