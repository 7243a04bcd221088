/** `@pikku/core/mcp`. */
export * from '../pikku/mcp.ts'
