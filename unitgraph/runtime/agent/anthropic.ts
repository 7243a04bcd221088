/** The HTTP protocol of Anthropic, messages. */
import { createAnthropic } from '@ai-sdk/anthropic'
import type { Protocol } from './models.ts'

export const anthropic: Protocol = ({ baseURL, apiKey, fetch }) =>
  createAnthropic({ fetch, ...(baseURL !== undefined && { baseURL }), ...(apiKey !== undefined && { apiKey }) })
