/** What an agent lends itself from a caller in another unit: somebody who listens to its events. */
import type { Use } from '../core/errand.ts'
import type { AgentWire } from '../types/agent.ts'

export const agentWire = (_state: unknown, use: Use): AgentWire => ({
  send: async (event) => use('send', [event]),
})
