/** Other engines, on the same PostgreSQL and the same JavaScript runtime: one line of JSON in, one out. */
import { drive, ended, march, tell, type Asked, type Engine } from './drive.ts'

const [name = '', url = ''] = process.argv.slice(2)

const dbos = async (): Promise<Engine> => {
  const { DBOS } = await import('@dbos-inc/dbos-sdk')
  DBOS.setConfig({ name: 'benchmark', systemDatabaseUrl: url, logLevel: 'error' } as never)
  const three = DBOS.registerWorkflow(async (n: number) => {
    const a = await DBOS.runStep(async () => n, { name: 'one' })
    const b = await DBOS.runStep(async () => a + 1, { name: 'two' })
    const c = await DBOS.runStep(async () => b + 1, { name: 'three' })
    ended(DBOS.workflowID ?? '')
    return { sum: a + b + c }
  }, { name: 'three' })
  const long = DBOS.registerWorkflow(async (steps: number) => {
    for (let step = 0; step < steps; step += 1) {
      await DBOS.runStep(async () => step, { name: `step ${step}` })
      tell()
    }
    ended(DBOS.workflowID ?? '')
    return { done: steps }
  }, { name: 'long' })
  await DBOS.launch()
  return {
    begin: (id) => DBOS.startWorkflow(three, { workflowID: id })(1),
    long: (id, steps) => DBOS.startWorkflow(long, { workflowID: id })(steps),
  }
}

const absurd = async (): Promise<Engine> => {
  const { Absurd } = await import('absurd-sdk')
  const { Pool } = await import('pg')
  const app = new Absurd({ db: new Pool({ connectionString: url, max: 20 }) as never })
  await app.createQueue('default')
  app.registerTask({ name: 'three' }, async ({ id, n }: { id: string; n: number }, task) => {
    const a = await task.step('one', async () => n)
    const b = await task.step('two', async () => a + 1)
    const c = await task.step('three', async () => b + 1)
    ended(id)
    return { sum: a + b + c }
  })
  app.registerTask({ name: 'long' }, async ({ id, steps }: { id: string; steps: number }, task) => {
    for (let step = 0; step < steps; step += 1) {
      await task.step(`step ${step}`, async () => step)
      tell()
    }
    ended(id)
    return { done: steps }
  })
  await app.startWorker({ concurrency: 100, batchSize: 100, pollInterval: 0.01 })
  return {
    begin: (id) => app.spawn('three', { id, n: 1 }),
    long: (id, steps) => app.spawn('long', { id, steps }),
  }
}

const engine = await (name === 'dbos' ? dbos() : absurd())
console.log(JSON.stringify('ready'))
for await (const line of console) {
  const { steps, ...asked } = JSON.parse(line) as Asked & { steps?: number }
  console.log(JSON.stringify(steps === undefined ? await drive(engine, asked) : await march(engine, asked.prefix, steps)))
}
process.exit(0)
