// Starts every Worker of a build output in one miniflare, from its wrangler.toml alone, and answers requests that come
// as lines of JSON on standard input with lines of JSON on standard output. Run by Bun: bun miniflare.ts FOLDER
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { Miniflare } from 'miniflare'
import { migrateAll } from '../../unitgraph/rules/dev/front/migrations.ts'
import { foldersOf, readWrangler, workerOf } from '../../unitgraph/rules/dev/front/wrangler.ts'

interface Request_ {
  readonly worker?: string
  readonly method?: string
  readonly path?: string
  readonly headers?: Record<string, string>
  readonly body?: string
  readonly cron?: string
  /** In milliseconds: all at once; without any, now. */
  readonly times?: number[]
  readonly queue?: string
  /** A class of Durable Objects. */
  readonly evict?: string
  readonly object?: string
  readonly messages?: unknown[]
}

const [root = '.', secretsText = '{}', objects = ''] = process.argv.slice(2)
const secrets = JSON.parse(secretsText) as Record<string, string>

const workers = foldersOf(root).map((folder) => {
  const config = readWrangler(folder)
  const contents = readFileSync(join(folder, config.main), 'utf8')
  return workerOf(config, [{ type: 'ESModule', path: config.main, contents }], { ...config.vars, ...secrets })
})
const miniflare = new Miniflare({ workers, ...(objects && { durableObjectsPersist: objects }) })

async function answer(asked: Request_): Promise<unknown> {
  if (asked.queue !== undefined) {
    const { queue, messages = [], worker: name } = asked
    const consumer = await miniflare.getWorker(name)
    const batch = messages.map((body, index) => ({ id: String(index), timestamp: new Date(0), attempts: 1, body }))
    return consumer.queue(queue, batch)
  }
  if (asked.cron !== undefined) {
    const { cron, times } = asked
    const timed = await miniflare.getWorker(asked.worker)
    if (times === undefined) return timed.scheduled({ cron })
    return Promise.all(times.map((time) => timed.scheduled({ cron, scheduledTime: new Date(time) })))
  }
  if (asked.evict !== undefined) {
    // as Cloudflare does with an object that nobody has asked anything for a while; its sockets stay
    await miniflare.unsafeEvictDurableObject(asked.worker ?? '', asked.evict, { name: asked.object ?? '', webSockets: 'hibernate' })
    return null
  }
  const { method = 'GET', path = '/', headers = {}, body } = asked
  // workerd closes a connection whose request's body nobody read, and Bun would send the next request down it
  const options = {
    method, headers: { ...headers, connection: 'close' }, redirect: 'manual' as const, ...(body === undefined ? {} : { body }),
  }
  const url = `http://shop.test${path}`
  const response = asked.worker === undefined
    ? await miniflare.dispatchFetch(url, options)
    : await (await miniflare.getWorker(asked.worker)).fetch(url, options)
  return { status: response.status, headers: Object.fromEntries(response.headers), body: await response.text() }
}

const address = await miniflare.ready
await migrateAll(miniflare as never, foldersOf(root).map((folder) => ({ folder, config: readWrangler(folder) })))
console.log(JSON.stringify({ workers: workers.map((one) => one.name), port: Number(address.port) }))
for await (const line of createInterface({ input: process.stdin })) {
  try {
    console.log(JSON.stringify({ answer: await answer(JSON.parse(line) as Request_) }))
  } catch (error) {
    console.log(JSON.stringify({ error: String(error) }))
  }
}
await miniflare.dispose()
