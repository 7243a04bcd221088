/** Workers of old code and of new at once, for an hour, in which each other's runs come to them: none is stuck, failed or repeated. */
import { expect, test } from 'bun:test'
import { createExecution } from '../../../unitgraph/runtime/workflow/execution.ts'
import { createMemoryStore } from '../../../unitgraph/runtime/workflow/memory.ts'
import { createWorkflowWire } from '../../../unitgraph/runtime/workflow/wire.ts'
import { createWorker } from '../../../unitgraph/runtime/workflow/worker.ts'
import { createClock } from '../../../unitgraph/runtime/workflow/world.ts'
import { broken } from './invariants.ts'
import { createLab, type Code as LabCode } from './lab.ts'
import { simulate, type Code, type Story } from './simulator.ts'

const engine = { createExecution, createWorkflowWire, createWorker, createClock }

/** The new code has another step in the middle, and one more at the end. */
const code: Code = async (version, workflow, _program, work) => {
  const step = (name: string): Promise<unknown> => workflow.do(name, () => work(name, version))
  const done = [await step('first')]
  await workflow.sleep('night', '3m')
  done.push(await step(version === 'old' ? 'letter' : 'mail'))
  await workflow.sleep('day', '2m')
  done.push(await step('last'))
  if (version === 'new') done.push(await step('after all'))
  return done
}

const hour = (seed: number, versions: readonly string[], faults: number): Promise<Story> =>
  simulate({ seed, engine, store: createMemoryStore, runs: 40, overMs: 3_600_000, versions, faults, code })

test.each([0, 12])('old and new code at once, %d faults', async (faults) => {
  const story = await hour(1, ['old', 'old', 'new', 'new'], faults)
  expect(await broken(story, [1, 2, 3, 4, 5, 6, 7, 9])).toEqual([])
  expect(story.runs.map(({ head }) => head.status)).toEqual(story.runs.map(() => 'completed'))
  const paused = story.events.filter((event) => event.is === 'run' && event.run.head.status === 'paused').length
  // code and journal did part, and whoever had the other code went on
  expect(paused > 10).toBe(true)
  if (faults === 0) {
    const bodies = story.events.flatMap((event) => (event.is === 'body' ? [`${event.run} ${event.step}`] : []))
    expect(new Set(bodies).size).toBe(bodies.length)
  }
  for (const { journal } of story.runs) {
    const steps = journal.filter(({ kind, phase }) => kind === 'inline' && phase === 'done').map(({ key }) => key)
    expect([['first', 'letter', 'last'], ['first', 'mail', 'last', 'after all']]).toContainEqual(steps)
  }
}, 120_000)

test('where the old code is gone, its run is paused and says why; where it comes back, the run goes on by itself', async () => {
  const old: LabCode = async (workflow) => { await workflow.do('letter', async () => 1); await workflow.sleep('night', '8h'); return 'old' }
  const other: LabCode = async (workflow) => { await workflow.do('mail', async () => 1); await workflow.sleep('night', '8h'); return 'new' }
  const lab = createLab({ workflows: { w: old } })
  const first = lab.spawn('first', { w: old }, '1')
  await lab.start('w', {}, 'r1')
  await lab.until(async () => (await lab.run('r1')).head.status === 'waiting')
  await first.stop(AbortSignal.abort())
  lab.spawn('second', { w: other }, '2')
  await lab.until(async () => (await lab.run('r1')).head.status === 'paused')
  await lab.pass(86_400_000)
  const { head } = await lab.run('r1')
  expect([head.status, head.version, head.reason]).toEqual(['paused', '1', expect.stringContaining('"letter"')])
  lab.spawn('third', { w: old }, '1')
  expect((await lab.ended('r1')).output).toBe('old')
})

test.each([true, false])('a run that the code parts with can be ended, unless only other code can undo what it did: %s', async (compensates) => {
  const undone: string[] = []
  const old: LabCode = async (workflow) => {
    await workflow.do('letter', async () => 1, compensates ? { compensate: () => { undone.push('letter') } } : {})
    await workflow.sleep('night', '8h')
  }
  const lab = createLab({ workflows: { w: old } })
  const first = lab.spawn('first', { w: old }, '1')
  await lab.start('w', {}, 'r1')
  await lab.until(async () => (await lab.run('r1')).head.status === 'waiting')
  await first.stop(AbortSignal.abort())
  lab.spawn('second', { w: async (workflow) => workflow.sleep('day', '1h') }, '2')
  await lab.until(async () => (await lab.run('r1')).head.status === 'paused')
  await lab.store.cancel('r1', 'enough')
  lab.kick()
  if (compensates) {
    await lab.until(async () => (await lab.run('r1')).head.status === 'paused')
    lab.spawn('third', { w: old }, '1')
  }
  const { status, run } = await lab.ended('r1')
  expect([status, undone, run.head.reason!.startsWith('enough')]).toEqual(['cancelled', compensates ? ['letter'] : [], true])
})
