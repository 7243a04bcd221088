/** `mcp` as functions see it: what is known of the request, and what reaches the client through the gateway. */
import type { Use } from '../core/errand.ts'
import { PreconditionRequiredError } from '../core/errors.ts'
import { digest, toBytes } from '../core/text.ts'
import { validate } from '../core/validate.ts'
import type { StandardSchema } from '../types/schema.ts'
import type { McpAnswer, McpWire } from '../types/wire.ts'
import { printed } from './describe.ts'

/** An answer, and which question it was given to. */
export interface Answered {
  readonly asked: string
  readonly answer: McpAnswer
}

/** `answers` are those so far, in order; without it the client can't be asked. */
export interface McpState {
  readonly uri?: string
  readonly answers?: readonly Answered[]
}

const isStandard = (schema: unknown): schema is StandardSchema => typeof schema === 'object' && schema !== null && '~standard' in schema

const NOTHING_BUT_YES = { type: 'object', properties: {} }

/**
 * Questions are told apart by their order and their text. One that has no answer yet ends the function, which is called
 * again from its start once there is one.
 */
const asking = (answers: readonly Answered[], use: Use): NonNullable<McpWire['elicitInput']> => {
  let count = 0
  return async ({ message, schema }) => {
    const form = isStandard(schema) ? printed(schema, 'input') : (schema ?? NOTHING_BUT_YES)
    if (typeof form !== 'object') throw new TypeError('The schema of a question must be a JSON Schema, or one that tells it')
    const asked = await digest(toBytes(JSON.stringify([message, form])))
    const given = answers[count]
    if (given?.asked === asked) {
      count += 1
      const { action, content } = given.answer
      if (action !== 'accept' || !isStandard(schema)) return given.answer
      return { action, content: (await validate(schema, content, undefined, 'answer')) as Readonly<Record<string, unknown>> }
    }
    await use('elicitInput', [{ message, schema: form, asked, kept: answers.slice(0, count) }])
    throw new PreconditionRequiredError(`Not answered yet: ${message}`)
  }
}

export const mcpWire = ({ uri, answers }: McpState, use: Use): McpWire => ({
  uri,
  sendResourceUpdated: (changed) => use('sendResourceUpdated', [changed]),
  sendProgress: (progress, total, message) => use('sendProgress', [{ progress, total, message }]),
  ...(answers && { elicitInput: asking(answers, use) }),
})
