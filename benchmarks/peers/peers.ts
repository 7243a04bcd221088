/** Another queue with jobs of the benchmark's kind: a hundred added together, twenty worked on at a time, a line a job. */
import { writeSync, openSync } from 'node:fs'

const [name = '', url = '', count = '10000'] = process.argv.slice(2)
const jobs = Number(count)
const TOGETHER = 100
const AT_ONCE = 20
/** As a job of ours says that it was worked on. */
const log = openSync('peer.log', 'w')
const seen = new Map<number, number>()
const finished = Promise.withResolvers<void>()
const work = (number: number): void => {
  writeSync(log, `${JSON.stringify({ time: new Date().toISOString(), level: 'info', msg: 'worked', number })}\n`)
  seen.set(number, (seen.get(number) ?? 0) + 1)
  if (seen.size === jobs) finished.resolve()
}
const numbers = (from: number): number[] => Array.from({ length: Math.min(TOGETHER, jobs - from) }, (_, index) => from + index)

const fail = (error: unknown): never => {
  console.error(String(error))
  process.exit(1)
}

interface Peer {
  add(numbers: number[]): Promise<unknown>
  start(): Promise<unknown>
  close(): Promise<unknown>
}

const PEERS: Record<string, () => Promise<Peer>> = {
  bullmq: async () => {
    const { Queue, Worker } = await import('bullmq')
    const { hostname, port, password } = new URL(url)
    const connection = { host: hostname, port: Number(port), password: decodeURIComponent(password), maxRetriesPerRequest: null }
    const queue = new Queue('work', { connection })
    queue.on('error', fail)
    let worker: InstanceType<typeof Worker> | undefined
    return {
      add: (some) => queue.addBulk(some.map((number) => ({ name: 'work', data: { number }, opts: { removeOnComplete: true, attempts: 101 } }))),
      start: async () => { worker = new Worker('work', async (job) => work(job.data.number), { connection, concurrency: AT_ONCE }).on('error', fail) },
      close: async () => { await worker?.close(); await queue.close() },
    }
  },
  'pg-boss': async () => {
    const { PgBoss } = await import('pg-boss')
    const boss = new PgBoss(url)
    boss.on('error', fail)
    await boss.start()
    await boss.createQueue('work')
    return {
      add: (some) => boss.insert('work', some.map((number) => ({ data: { number }, retryLimit: 100 }))),
      // it asks for work twice a second at most, so it takes many at a time
      start: () => boss.work<{ number: number }>('work', { batchSize: 1000, pollingIntervalSeconds: 0.5 }, async (batch) => { for (const job of batch) work(job.data.number) }),
      close: () => boss.stop({ graceful: false }),
    }
  },
}

const peer = await PEERS[name]!()
const begin = performance.now()
await peer.start()
for (let from = 0; from < jobs; from += TOGETHER) await peer.add(numbers(from))
const added = performance.now() - begin
await finished.promise
const through = performance.now() - begin
console.log(JSON.stringify({
  added_per_s: jobs / (added / 1000), through_per_s: jobs / (through / 1000),
  lost: jobs - seen.size, duplicates: [...seen.values()].reduce((sum, times) => sum + times, 0) - seen.size,
}))
await peer.close()
process.exit(0)
