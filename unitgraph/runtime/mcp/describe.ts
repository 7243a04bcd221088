/** For units whose functions an MCP server offers: what a function's own schemas say, as JSON Schema. */
import type { Definition } from '../core/definition.ts'
import type { StandardSchema } from '../types/schema.ts'

/** Standard JSON Schema (https://standardschema.dev/json-schema), which libraries add to Standard Schema. */
interface Printable {
  readonly jsonSchema?: {
    input(options: { target: string }): unknown
    output(options: { target: string }): unknown
  }
}

export interface Described {
  readonly input?: unknown
  readonly output?: unknown
}

/** Undefined where the library doesn't tell, or can't for this schema. `side`: before or after it transforms. */
export const printed = (schema: StandardSchema | undefined, side: 'input' | 'output'): unknown => {
  const printer = (schema?.['~standard'] as Printable | undefined)?.jsonSchema
  try {
    return printer?.[side]({ target: 'draft-2020-12' })
  } catch {
    return undefined
  }
}

export const describe = ({ input, output }: Definition): Described =>
  ({ input: printed(input, 'input'), output: printed(output, 'output') })
