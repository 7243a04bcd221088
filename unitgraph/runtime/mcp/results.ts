/** From what functions return to what the protocol calls a result. */
import type { CallToolResult, ContentBlock, GetPromptResult, ReadResourceResult } from '@modelcontextprotocol/server'
import { toJson } from '../core/json.ts'
import type { Item } from './items.ts'

type Fields = Record<string, unknown>

const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array)

const base64 = (bytes: Uint8Array): string => {
  let binary = ''
  for (const byte of bytes) binary += String.fromCharCode(byte)
  return btoa(binary)
}

/** Bytes in content are base64 there. */
const encoded = (value: unknown): unknown => {
  if (value instanceof Uint8Array) return base64(value)
  if (Array.isArray(value)) return value.map(encoded)
  if (!isFields(value) || value instanceof Date) return value
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, encoded(inner)]))
}

/** As JSON has it: dates and bigints are texts. */
const plain = (value: unknown): unknown => JSON.parse(toJson(value))

const textOf = (value: unknown): string => (typeof value === 'string' ? value : toJson(value))

const isBlocks = (value: unknown): boolean =>
  Array.isArray(value) && value.every((block) => isFields(block) && typeof block['type'] === 'string')

export const toolResult = (value: unknown, item: Item): CallToolResult => {
  if (item.returnsContent) {
    if (isBlocks(value)) return { content: encoded(value) as ContentBlock[] }
    if (isFields(value) && isBlocks(value['content'])) return encoded(value) as CallToolResult
  }
  if (value === undefined) return { content: [] }
  return {
    content: [{ type: 'text', text: textOf(value) }],
    ...(isFields(value) && { structuredContent: plain(value) as Fields }),
  }
}

/** What a caller sees of an error over HTTP, for a model to read. */
export const toolFailure = (body: unknown): CallToolResult =>
  ({ isError: true, content: [{ type: 'text', text: toJson(body) }] })

const contents = (value: unknown, item: Item, uri: string): Fields => {
  if (value instanceof Uint8Array) {
    return { uri, mimeType: item.mimeType ?? 'application/octet-stream', blob: base64(value) }
  }
  const mimeType = item.mimeType ?? (typeof value === 'string' ? 'text/plain' : 'application/json')
  return { uri, mimeType, text: textOf(value) }
}

export const resourceResult = (value: unknown, item: Item, uri: string): ReadResourceResult => {
  const given = isFields(value) ? value['contents'] : value
  if (item.returnsContent && Array.isArray(given) && given.every((one) => isFields(one) && ('text' in one || 'blob' in one))) {
    const { mimeType } = item
    const filled = given.map((one) => encoded({ uri, ...(mimeType !== undefined && { mimeType }), ...(one as Fields) }))
    return { contents: filled } as ReadResourceResult
  }
  return { contents: value === undefined ? [] : [contents(value, item, uri)] } as ReadResourceResult
}

const message = (given: unknown): Fields => {
  const { role = 'user', content = given } = isFields(given) ? given : {}
  const block = isFields(content) && typeof content['type'] === 'string' ? encoded(content) : { type: 'text', text: textOf(content) }
  return { role, content: block }
}

export const promptResult = (value: unknown, item: Item): GetPromptResult => {
  const whole = isFields(value) && Array.isArray(value['messages']) ? value : undefined
  const given = whole ? (whole['messages'] as unknown[]) : Array.isArray(value) ? value : value === undefined ? [] : [value]
  const description = whole?.['description'] ?? item.description
  return { ...(description !== undefined && { description }), messages: given.map(message) } as GetPromptResult
}
