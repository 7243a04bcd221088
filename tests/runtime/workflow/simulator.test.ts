/** Stories that a seed decides, on every store: `SIMULATOR_SEEDS=1-500` tells which, by default a few. */
import { afterAll, describe, expect, test } from 'bun:test'
import { createExecution } from '../../../unitgraph/runtime/workflow/execution.ts'
import { createWorkflowWire } from '../../../unitgraph/runtime/workflow/wire.ts'
import { createWorker } from '../../../unitgraph/runtime/workflow/worker.ts'
import { createClock } from '../../../unitgraph/runtime/workflow/world.ts'
import { broken } from './invariants.ts'
import { again, simulate } from './simulator.ts'
import { removeStores, STORES, type Make } from './stores.ts'

declare const process: { readonly env: Readonly<Record<string, string | undefined>> }

const engine = { createExecution, createWorkflowWire, createWorker, createClock }
const MOST: Readonly<Record<string, number>> = { memory: 40, sqlite: 8, redis: 3, postgres: 3 }

const seeds = (store: string): number[] => {
  const [from = 1, to = MOST[store] ?? 4] = (process.env['SIMULATOR_SEEDS'] ?? '').split('-').filter(Boolean).map(Number)
  return Array.from({ length: to - from + 1 }, (_, index) => from + index)
}

afterAll(removeStores)

describe.each(Object.keys(STORES))('%s', (name) => {
  test.each(seeds(name))('all laws hold, seed %d', async (seed) => {
    const story = await simulate({ seed, engine, store: STORES[name] as Make, runs: 1 + (seed % 5), faults: seed % 4 === 0 ? 0 : seed % 9 })
    expect(await broken(story)).toEqual([])
  }, 120_000)

  if (name !== 'memory') {
    test.each(seeds(name))('what is there after the same calls is the same, seed %d', async (seed) => {
      const story = await simulate({ seed: seed + 1000, engine, store: STORES['memory'] as Make, runs: 3, faults: 6 })
      expect(await again(story, STORES[name] as Make)).toEqual(story.runs)
    }, 120_000)
  }
})
