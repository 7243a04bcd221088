/** Stories that a seed decides, of runs that are Durable Objects: `SIMULATOR_SEEDS=1-500` tells which. */
import { expect, test } from 'bun:test'
import { call } from '../../../unitgraph/runtime/workflow/cloudflare/calls.ts'
import { listOf } from '../../../unitgraph/runtime/workflow/cloudflare/listing.ts'
import { runs, WorkflowRun } from '../../../unitgraph/runtime/workflow/cloudflare/object.ts'
import { workflowState } from '../../../unitgraph/runtime/workflow/cloudflare/service.ts'
import { createExecution } from '../../../unitgraph/runtime/workflow/execution.ts'
import { createWorkflowWire } from '../../../unitgraph/runtime/workflow/wire.ts'
import { broken } from './invariants.ts'
import { simulateObjects } from './objects.ts'

declare const process: { readonly env: Readonly<Record<string, string | undefined>> }

const parts = { WorkflowRun, runs, workflowState, call, listOf, createExecution, createWorkflowWire }
const [FROM = 1, TO = 12] = (process.env['SIMULATOR_SEEDS'] ?? '').split('-').filter(Boolean).map(Number)

test.each(Array.from({ length: TO - FROM + 1 }, (_, index) => FROM + index))('all laws hold, seed %d', async (seed) => {
  const story = await simulateObjects({ seed, parts, runs: 1 + (seed % 5), faults: seed % 4 === 0 ? 0 : seed % 12 })
  expect([...story.wrong, ...(await broken(story))]).toEqual([])
}, 120_000)
