import { pikkuAIAgent } from '#pikku'
import * as z from 'zod'
import { everything, getBook, linger, order, refuse, restock, search, stockOf } from './functions.ts'

export const clerk = pikkuAIAgent({
  name: 'clerk',
  description: 'Knows the shelf.',
  role: 'a clerk in a bookshop',
  goal: 'sell books',
  instructions: 'Be short.',
  model: 'scripted/small',
  tools: [getBook, search, stockOf, order, everything, refuse, linger, restock],
  maxSteps: 4,
  temperature: 0.5,
  memory: { lastMessages: 4, summarise: true },
  timeoutMs: 20_000,
})

export const manager = pikkuAIAgent({
  name: 'shop-manager', model: 'scripted/large', agents: [clerk], auth: true,
})

/** For whoever comes, in a form. */
export const rater = pikkuAIAgent({
  name: 'rater', model: 'openai/gpt-5-mini', auth: false,
  output: z.object({ stars: z.number().int().min(1).max(5), why: z.string() }),
})

export const poet = pikkuAIAgent({ name: 'poet', model: 'anthropic/claude-sonnet-4-5', tools: [getBook] })

export const hasty = pikkuAIAgent({ name: 'hasty', model: 'scripted/slow', timeoutMs: 100 })

/** Whose questions are too old once they are asked. */
export const strict = pikkuAIAgent({ name: 'strict', model: 'scripted/small', tools: [order], approvalTimeoutMs: 0 })
