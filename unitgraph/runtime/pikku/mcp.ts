/** The MCP server. A wiring is read from the source; at run time it does nothing. */
import { author } from '../core/definition.ts'
import type * as api from '../types/mcp.ts'

export const pikkuMCPToolFunc: typeof api.pikkuMCPToolFunc = author('mcp-tool') as never
export const pikkuMCPResourceFunc: typeof api.pikkuMCPResourceFunc = author('mcp-resource') as never
export const pikkuMCPPromptFunc: typeof api.pikkuMCPPromptFunc = author('mcp-prompt') as never
/* @__NO_SIDE_EFFECTS__ */
export const wireMCPTool: typeof api.wireMCPTool = () => undefined
/* @__NO_SIDE_EFFECTS__ */
export const wireMCPResource: typeof api.wireMCPResource = () => undefined
/* @__NO_SIDE_EFFECTS__ */
export const wireMCPPrompt: typeof api.wireMCPPrompt = () => undefined
export type * from '../types/mcp.ts'
