/** Jobs in Redis, a script an operation. The clock is the server's. Knows keys and leases; runs nothing. */
import type { Claimed, Jobs } from '../jobs.ts'
import type { Client } from './client.ts'
import { jobScripts, QUEUE_KEYS, TIME } from './scripts.ts'

/** A hint may be lost: so often one looks without. */
const LOOK_MS = 1000
/** How much is forgotten at once, so that nobody waits long. */
const FORGOTTEN_AT_ONCE = 1000

type Row = readonly [key: string, id: string, named: number, attempt: number, body: string]

/** `prefix` has the hash tag of all keys. */
export const createJobs = (client: Client, prefix: string, owner: string, clock = TIME): Jobs => {
  const scripts = jobScripts(clock)
  const seq = `${prefix}seq`
  const channel = `${prefix}jobs`
  const keysOf = (queue: string): string[] => QUEUE_KEYS.map((name) => `${prefix}queue:${queue}:${name}`)
  const asked = new Set<string>()
  /** What this process has, so that nothing need be kept about who has what but in the jobs themselves. */
  const had = new Map<string, Claimed>()

  const settled = async (job: Claimed, work: Promise<unknown>): Promise<boolean> => {
    const isMine = (await work) === 1
    if (had.get(job.key) === job) had.delete(job.key)
    return isMine
  }
  const mine = ({ key, attempt }: Claimed) => [key, owner, attempt] as const
  const again = (job: Claimed, delayMs: number, uncounted: number): Promise<boolean> =>
    settled(job, client.run(scripts.again, keysOf(job.queue), ...mine(job), delayMs, uncounted))

  return {
    add: async (queue, { id, text, isNamed, delayMs }) => {
      asked.add(queue)
      await client.run(scripts.add, [...keysOf(queue), seq], id, text, isNamed ? 1 : 0, delayMs, channel, owner)
    },
    claim: async (queue, most, leaseMs) => {
      asked.add(queue)
      const rows = (await client.run(scripts.claim, keysOf(queue), most, owner, leaseMs)) as Row[]
      const jobs = rows.map(([key, id, named, attempt, body]) => ({ queue, key, id, body, isNamed: named === 1, attempt }))
      for (const job of jobs) had.set(job.key, job)
      return jobs
    },
    renew: async (queue, leaseMs) => {
      const held = [...had.values()].filter((job) => job.queue === queue)
      if (held.length > 0) await client.run(scripts.renew, keysOf(queue), owner, leaseMs, ...held.flatMap(({ key, attempt }) => [key, attempt]))
    },
    done: (job) => settled(job, client.run(scripts.done, keysOf(job.queue), ...mine(job))),
    retry: (job, delayMs) => again(job, delayMs, 0),
    putBack: (job, delayMs) => again(job, delayMs, 1),
    giveUp: (job, deadLetters) => settled(job, deadLetters === undefined
      ? client.run(scripts.keep, keysOf(job.queue), ...mine(job))
      : client.run(scripts.bury, [...keysOf(job.queue), ...keysOf(deadLetters), seq], ...mine(job), channel, owner)),
    dueIn: async (queues) => {
      const found = (await client.run(scripts.due, queues.map((queue) => keysOf(queue)[0] ?? ''))) as string[]
      return new Map(queues.flatMap((queue, index) => (found[index] ? [[queue, Number(found[index])] as const] : [])))
    },
    waiting: async (queue) => Number(await client.call('ZCARD', keysOf(queue)[0] ?? '')),
    release: async () => {
      const held = [...had.values()]
      had.clear()
      const back = await Promise.all(held.map((job) => again(job, 0, 1)))
      return back.filter(Boolean).length
    },
    forget: async () => {
      for (const queue of asked) {
        while (Number(await client.run(scripts.forget, keysOf(queue))) === FORGOTTEN_AT_ONCE);
      }
    },
    watch: (changed) => {
      const timer = setInterval(changed, LOOK_MS)
      const end = client.listen(channel, (from) => { if (from !== owner) changed() }, changed)
      return () => {
        clearInterval(timer)
        end()
      }
    },
  }
}
