/** The little of the AI SDK that agents use. Its own declarations don't compile under `exactOptionalPropertyTypes`. */
declare module 'ai' {
  /** A model of a provider, which only the SDK looks into. */
  export interface LanguageModel {
    readonly modelId: string
  }

  export interface TextPart {
    readonly type: 'text'
    readonly text: string
  }
  export interface FilePart {
    readonly type: 'file'
    readonly data: string
    readonly mediaType: string
    readonly filename?: string
  }
  export interface ToolCallPart {
    readonly type: 'tool-call'
    readonly toolCallId: string
    readonly toolName: string
    readonly input: unknown
  }
  export interface ToolResultPart {
    readonly type: 'tool-result'
    readonly toolCallId: string
    readonly toolName: string
    readonly output: { readonly type: 'text' | 'error-text'; readonly value: string }
  }
  export interface UserModelMessage {
    readonly role: 'user'
    readonly content: string | readonly (TextPart | FilePart)[]
  }
  export interface AssistantModelMessage {
    readonly role: 'assistant'
    readonly content: string | readonly (TextPart | ToolCallPart)[]
  }
  export interface ToolModelMessage {
    readonly role: 'tool'
    readonly content: readonly ToolResultPart[]
  }
  export type ModelMessage = UserModelMessage | AssistantModelMessage | ToolModelMessage

  export interface Schema {
    readonly jsonSchema: unknown
  }
  export interface Tool {
    readonly inputSchema: Schema
    readonly description?: string
  }
  export interface Form {
    readonly name: string
    readonly parseCompleteOutput: (said: { text: string }) => Promise<unknown>
  }

  export interface Request_ {
    readonly model: LanguageModel
    readonly messages: ModelMessage[]
    readonly instructions?: string
    readonly tools?: Readonly<Record<string, Tool>>
    readonly toolChoice?: 'auto' | 'required' | 'none'
    readonly output?: Form
    readonly maxRetries?: number
    readonly abortSignal?: AbortSignal
    readonly stopWhen?: unknown
    readonly temperature?: number
    readonly maxOutputTokens?: number
    readonly onError?: () => void
  }

  export interface Said {
    readonly toolCallId: string
    readonly toolName: string
    readonly input: unknown
    readonly invalid?: boolean
  }
  export interface Usage {
    readonly inputTokens: number | undefined
    readonly outputTokens: number | undefined
  }
  export interface Result {
    readonly text: string
    readonly toolCalls: readonly Said[]
    readonly finishReason: string
    readonly usage: Usage
    readonly response: { readonly messages: readonly ModelMessage[] }
  }

  export type StreamPart =
    | { readonly type: 'text-delta'; readonly text: string }
    | { readonly type: 'error'; readonly error: unknown }
    | { readonly type: 'abort' }
  export type Streamed = { readonly [Name in keyof Result]: PromiseLike<Result[Name]> } & {
    readonly fullStream: AsyncIterable<StreamPart>
  }

  export const generateText: (request: Request_) => Promise<Result>
  export const streamText: (request: Request_) => Streamed
  export const stepCountIs: (count: number) => unknown
  export const jsonSchema: (schema: unknown) => Schema
  export const tool: (tool: Tool) => Tool
  export const Output: { readonly object: (options: { schema: Schema }) => Form }
}

declare module '@ai-sdk/openai-compatible' {
  import type { LanguageModel } from 'ai'
  export const createOpenAICompatible: (settings: {
    name: string
    baseURL: string
    apiKey?: string
    includeUsage?: boolean
    supportsStructuredOutputs?: boolean
    fetch?: typeof fetch
  }) => (model: string) => LanguageModel
}

declare module '@ai-sdk/anthropic' {
  import type { LanguageModel } from 'ai'
  export const createAnthropic: (settings: {
    baseURL?: string
    apiKey?: string
    fetch?: typeof fetch
  }) => (model: string) => LanguageModel
}
