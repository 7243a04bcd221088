/**
 * Questions to the person behind the client, over requests that know nothing of each other: the client gets the question
 * with the answers so far, and sends its request again with all of them. They are the client's own word in any case, so
 * nothing of it is signed.
 */
import { inputRequired, type InputRequiredResult, type ServerContext } from '@modelcontextprotocol/server'
import { fromBase64Url, toBase64Url, toBytes, toText } from '../core/text.ts'
import type { McpAnswer } from '../types/wire.ts'
import type { Answered } from './wire.ts'

const KEY = 'answer'
/** More answers than this are nobody's patience. */
const MOST = 32

export interface Question {
  readonly message: string
  readonly schema: unknown
  readonly asked: string
  readonly kept: readonly Answered[]
}

interface State {
  readonly kept: readonly Answered[]
  readonly asked: string
}

const isAnswer = (value: unknown): value is McpAnswer => {
  const { action, content } = (value ?? {}) as { action?: unknown; content?: unknown }
  return ['accept', 'decline', 'cancel'].includes(action as string)
    && (content === undefined || (typeof content === 'object' && content !== null && !Array.isArray(content)))
}

const isAnswered = (value: unknown): value is Answered =>
  typeof (value as Partial<Answered> | null)?.asked === 'string' && isAnswer((value as Answered).answer)

const readState = (text: string | undefined): State => {
  try {
    const { kept, asked } = JSON.parse(toText(fromBase64Url(text ?? ''))) as Partial<State>
    if (Array.isArray(kept) && kept.length < MOST && kept.every(isAnswered) && typeof asked === 'string') return { kept, asked }
  } catch {
    // what isn't ours is none
  }
  return { kept: [], asked: '' }
}

/** The answers that came with a request; undefined where the client can't be asked. */
export const answersOf = ({ mcpReq }: ServerContext, capabilities: string): readonly Answered[] | undefined => {
  const declared = (mcpReq.envelope as Record<string, { elicitation?: unknown } | undefined> | undefined)?.[capabilities]
  if (!declared?.elicitation) return undefined
  const { kept, asked } = readState(mcpReq.requestState<string>())
  const answer = mcpReq.inputResponses?.[KEY]
  return isAnswer(answer) ? [...kept, { asked, answer }] : kept
}

export const ask = ({ message, schema, asked, kept }: Question): InputRequiredResult =>
  inputRequired({
    inputRequests: { [KEY]: inputRequired.elicit({ message, requestedSchema: schema as never }) },
    requestState: toBase64Url(toBytes(JSON.stringify({ kept, asked } satisfies State))),
  })
