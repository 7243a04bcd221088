/** `#pikku/mcp`: what the project's Model Context Protocol server offers. */
import type { AnyFunction, Author } from './function.js'
import type { Middleware, Permissions } from './middleware.js'
import type { Services, UserSession } from './services.js'
import type { McpWire, Wire } from './wire.js'

type InMcp = Omit<Wire<UserSession | undefined>, 'mcp'> & { readonly mcp: McpWire }

export declare const pikkuMCPToolFunc: Author<'mcp-tool', Services, InMcp>
export declare const pikkuMCPResourceFunc: Author<'mcp-resource', Services, InMcp>
export declare const pikkuMCPPromptFunc: Author<'mcp-prompt', Services, InMcp>

interface McpOptions {
  func: AnyFunction
  title?: string
  description?: string
  /** Whether a session is needed, whatever the function's kind says; false doesn't lift what the function needs. */
  auth?: boolean
  middleware?: readonly Middleware[]
  permissions?: Permissions<unknown>
  tags?: readonly string[]
}

/** Hints for people and models; nobody holds a tool to them. */
export interface McpToolAnnotations {
  title?: string
  readOnlyHint?: boolean
  destructiveHint?: boolean
  idempotentHint?: boolean
  openWorldHint?: boolean
}

export interface McpTool extends McpOptions {
  name: string
  annotations?: McpToolAnnotations
}

export interface McpResource extends McpOptions {
  /** `books://shelf`, or a template, `books://{id}`, whose parts are the function's data. */
  uri: string
  name?: string
  mimeType?: string
  size?: number
}

export interface McpPrompt extends McpOptions {
  name: string
}

export declare function wireMCPTool(tool: McpTool): void
export declare function wireMCPResource(resource: McpResource): void
export declare function wireMCPPrompt(prompt: McpPrompt): void
