/** The first module of the process with the units: starts the version in a folder, and does what the front asks. */
import type { Serving } from '../../../runtime/entry/server.ts'
import type { QueueService } from '../../../runtime/types/services.ts'

interface Asked {
  readonly do: 'fire'
  readonly id: number
  readonly task?: string
  readonly unit?: string
  readonly queue?: string
  readonly data?: unknown
}

declare const process: {
  readonly argv: readonly string[]
  send(message: unknown): void
  exit(code: number): never
  on(event: 'message' | 'disconnect', listener: (message: Asked) => void): void
}

// a front that was killed can't end it
process.on('disconnect', () => process.exit(1))

const fire = async ({ units, logger, signal, run, background }: Serving, { task, unit = '', queue, data }: Asked): Promise<void> => {
  if (task !== undefined) {
    const found = (await units.start(unit)).tasks?.get(task)
    if (!found) throw new Error(`There is no task ${task}`)
    const waitUntil = (work: Promise<unknown>): void => void run(work).catch((error: unknown) => logger.error(error, { task }))
    if (!(await run(found.run(new Date(), { signal, waitUntil })))) throw new Error(`The task ${task} failed; its log line says why`)
  } else if (queue !== undefined) {
    const services = background.map((one) => (one as { readonly service?: unknown }).service)
    const jobs = services.filter((one): one is () => QueueService => typeof one === 'function').map((make) => make()).find((one) => 'add' in one)
    if (!jobs) throw new Error('The project has no queues')
    await jobs.add(queue as never, data as never)
  }
}

const serving = (now: Serving): void => {
  process.on('message', (asked) => {
    fire(now, asked).then(
      () => process.send({ is: 'fired', id: asked.id }),
      (error: unknown) => process.send({ is: 'fired', id: asked.id, problem: error instanceof Error ? error.message : String(error) }),
    )
  })
  process.send({ is: 'listening', port: now.port })
}

Object.assign(globalThis, { [Symbol.for('unitgraph.serving')]: serving })
const [, , main = ''] = process.argv
await import(main)
