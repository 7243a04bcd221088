/** Workflows for whoever kills what they run in: each lap is told to somebody outside, and kept for a moment. */
import { pikkuWorkflow } from '#pikku'

export const laps = pikkuWorkflow<{ count: number; restMs: number; ledger: string }, { laps: number[] }>(async ({ workflow }, { count, restMs, ledger }) => {
  const done: number[] = []
  for (let lap = 0; lap < count; lap += 1) {
    done.push(await workflow.do('Lap', async () => {
      await fetch(`${ledger}/${workflow.runId}/${lap}`, { method: 'POST' })
      return lap
    }))
    await workflow.sleep('Rest', restMs)
  }
  return { laps: done }
})

export const brief = pikkuWorkflow<{ note: string }, { note: string }>({
  retention: '1s',
  func: async ({ workflow }, { note }) => workflow.do('Note', async () => ({ note })),
})
