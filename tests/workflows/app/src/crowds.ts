/** Workflows of which only so many are in hand, or begin, at once: each run says from when to when it was at work. */
import { pikkuWorkflow } from '#pikku'

const work = async (): Promise<{ from: number; to: number }> => {
  const from = Date.now()
  await new Promise((resolve) => setTimeout(resolve, 250))
  return { from, to: Date.now() }
}

export const visit = pikkuWorkflow<{ room: string }, { from: number; to: number }>({
  concurrency: { limit: 2, key: ({ room }) => room },
  func: async ({ workflow }) => workflow.do('Look around', work),
})
export const tour = pikkuWorkflow<{ guide: string }, { from: number; to: number }>({
  rate: { limit: 2, per: '2s', key: ({ guide }) => guide },
  priority: ({ guide }) => guide.length,
  retention: '1d',
  func: async ({ workflow }) => workflow.do('Set out', work),
})
