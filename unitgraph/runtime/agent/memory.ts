/** What of a thread a model is reminded of: its last messages within a number and a budget, and a summary before. */
import { generateText, type LanguageModel, type ModelMessage } from 'ai'
import type { AgentMemory } from '../types/agent.ts'
import type { Work } from './given.ts'
import type { Kept } from './store.ts'

const LAST_MESSAGES = 20
const TIMEOUT_MS = 60_000
/** A token is about four characters of text. */
const CHARACTERS_A_TOKEN = 4

export interface Remembered {
  readonly summary: string | null
  readonly messages: readonly ModelMessage[]
}

const tokens = ({ message }: Kept): number => JSON.stringify(message.content).length / CHARACTERS_A_TOKEN

/** The last ones that fit, from a user's words on: a tool's result means nothing without its call. */
export const window = (kept: readonly Kept[], { lastMessages = LAST_MESSAGES, maxTokens }: AgentMemory): readonly Kept[] => {
  let start = Math.max(0, kept.length - lastMessages)
  if (maxTokens !== undefined) {
    let left = maxTokens
    let from = kept.length
    while (from > start && (left -= tokens(kept[from - 1] as Kept)) >= 0) from -= 1
    start = from
  }
  while (start < kept.length && kept[start]?.message.role !== 'user') start += 1
  return kept.slice(start)
}

export const remember = async (work: Work, threadId: string): Promise<Remembered> => {
  const { memory = {} } = work.options
  const thread = await work.store.thread(work.of, threadId)
  const { lastMessages = LAST_MESSAGES } = memory
  if (!thread || lastMessages <= 0) return { summary: thread?.summary ?? null, messages: [] }
  const kept = await work.store.messages(work.of, threadId, 0, lastMessages)
  return { summary: thread.summary, messages: window(kept, memory).map(({ message }) => message) }
}

const asText = ({ message: { role, content } }: Kept): string =>
  `${role}: ${typeof content === 'string' ? content : JSON.stringify(content)}`

/** Once twice as many messages have been said since the last summary as are remembered, the older half is summed up. */
export const summarise = async (work: Work, threadId: string, model: LanguageModel): Promise<void> => {
  const { lastMessages = LAST_MESSAGES, summarise: isWanted } = work.options.memory ?? {}
  const thread = isWanted ? await work.store.thread(work.of, threadId) : undefined
  if (!thread) return
  const kept = await work.store.messages(work.of, threadId, thread.summarySeq, lastMessages * 2)
  if (kept.length < lastMessages * 2) return
  const older = kept.slice(0, -lastMessages)
  const last = older.at(-1)
  if (!last) return
  const before = thread.summary ? `Summary so far: ${thread.summary}\n\n` : ''
  const { text } = await generateText({
    model, maxRetries: 1, abortSignal: AbortSignal.any([work.signal, AbortSignal.timeout(TIMEOUT_MS)]),
    instructions: 'Sum up this conversation for somebody who goes on with it: facts, decisions, open questions. At most 200 words.',
    messages: [{ role: 'user', content: `${before}${older.map(asText).join('\n').slice(0, 100_000)}` }],
  })
  if (text) await work.store.summarise(work.of, threadId, text, last.seq)
}
