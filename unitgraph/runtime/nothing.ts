/** The input of a function that takes none: whatever comes with a call isn't for it. */
import type { StandardSchema } from './types/schema.ts'

export const nothing: StandardSchema = {
  '~standard': { version: 1, vendor: 'unitgraph', validate: () => ({ value: undefined }) },
}
