/** The JSON Schema of a schema of any library that can say it. */
import type { StandardSchema } from '../types/schema.ts'

export type JsonSchema = Readonly<Record<string, unknown>>

/** Takes anything: what a model gives is checked where the function is. */
const ANYTHING: JsonSchema = { type: 'object', additionalProperties: true }

interface Saying {
  readonly '~standard'?: { readonly jsonSchema?: { input(options: { target: string }): JsonSchema } }
  toJSONSchema?(options?: unknown): JsonSchema
  toJsonSchema?(): JsonSchema
}

const ask = (schema: Saying): JsonSchema | undefined => {
  const standard = schema['~standard']?.jsonSchema
  if (standard) return standard.input({ target: 'draft-07' })
  return schema.toJSONSchema?.({ io: 'input', unrepresentable: 'any' }) ?? schema.toJsonSchema?.()
}

/** What a caller may give. A schema that can't be said in JSON Schema says nothing. */
export const inputSchema = (schema: StandardSchema | JsonSchema): JsonSchema => {
  if (!('~standard' in schema)) return schema as JsonSchema
  try {
    const { $schema: _, ...said } = ask(schema as Saying) ?? ANYTHING
    // models are given objects to fill in
    return said['type'] === undefined || said['type'] === 'object' ? { type: 'object', ...said } : ANYTHING
  } catch {
    return ANYTHING
  }
}
