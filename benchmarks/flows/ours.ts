/** The project of the benchmark: the workflows, and a route that drives them from inside the process. */
import { pikkuSessionlessFunc, pikkuWorkflow, wireHTTP } from '#pikku'
import { drive, ended, march, tell, type Engine } from './drive.ts'

export const three = pikkuWorkflow<{ n: number }, { sum: number }>(async ({ workflow }, { n }) => {
  const a = await workflow.do('one', async () => n)
  const b = await workflow.do('two', async () => a + 1)
  const c = await workflow.do('three', async () => b + 1)
  ended(workflow.runId)
  return { sum: a + b + c }
})

export const long = pikkuWorkflow<{ steps: number }, { done: number }>(async ({ workflow }, { steps }) => {
  for (let step = 0; step < steps; step += 1) {
    await workflow.do(`step ${step}`, async () => step)
    tell()
  }
  ended(workflow.runId)
  return { done: steps }
})

export const run = pikkuSessionlessFunc<{ prefix: string; runs?: number; together?: number; steps?: number }, unknown>(async (_services, { prefix, runs = 1, together = 1, steps }, { rpc }) => {
  const engine: Engine = {
    begin: (id) => rpc.startWorkflow('three', { n: 1 }, { id }),
    long: (id, count) => rpc.startWorkflow('long', { steps: count }, { id }),
  }
  return steps === undefined ? drive(engine, { prefix, runs, together }) : march(engine, prefix, steps)
})

wireHTTP({ method: 'post', route: '/run', func: run, auth: false, timeout: 600_000 })
