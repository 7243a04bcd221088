/** The HTTP protocol of OpenAI, chat completions, which most providers speak. */
import { createOpenAICompatible } from '@ai-sdk/openai-compatible'
import type { Protocol } from './models.ts'

export const openai: Protocol = ({ name, baseURL = 'https://api.openai.com/v1', apiKey, fetch }) =>
  createOpenAICompatible({
    name, baseURL, fetch, includeUsage: true, supportsStructuredOutputs: true, ...(apiKey !== undefined && { apiKey }),
  })
