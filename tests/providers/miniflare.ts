// Starts every Worker of a build output in one miniflare, from its wrangler.toml alone, and answers requests that come
// as lines of JSON on standard input with lines of JSON on standard output. Run by Bun: bun miniflare.ts FOLDER
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { Miniflare, type WorkerOptions } from 'miniflare'

interface Consumer {
  readonly queue: string
  readonly max_batch_size?: number
  readonly max_batch_timeout?: number
  readonly max_retries?: number
  readonly retry_delay?: number
  readonly dead_letter_queue?: string
}

interface Wrangler {
  readonly name: string
  readonly main: string
  readonly compatibility_date: string
  readonly compatibility_flags?: string[]
  readonly services?: { binding: string; service: string }[]
  readonly queues?: { producers?: { binding: string; queue: string }[]; consumers?: Consumer[] }
  readonly durable_objects?: { bindings: { name: string; class_name: string }[] }
  readonly triggers?: { crons: string[] }
  readonly d1_databases?: { binding: string; database_name: string }[]
  readonly r2_buckets?: { binding: string; bucket_name: string }[]
  readonly kv_namespaces?: { binding: string }[]
  readonly vars?: Record<string, string>
}

interface Request_ {
  readonly worker?: string
  readonly method?: string
  readonly path?: string
  readonly headers?: Record<string, string>
  readonly body?: string
  readonly cron?: string
  readonly queue?: string
  readonly messages?: unknown[]
}

const [root = '.', secretsText = '{}'] = process.argv.slice(2)
const secrets = JSON.parse(secretsText) as Record<string, string>

const table = <T,>(rows: readonly T[] | undefined, pair: (row: T) => [string, string]) =>
  Object.fromEntries((rows ?? []).map(pair))

/** What wrangler.toml says of a consumer, in miniflare's words. */
const consumer = (row: Consumer) => ({
  maxBatchSize: row.max_batch_size, maxBatchTimeout: row.max_batch_timeout, maxRetries: row.max_retries,
  retryDelay: row.retry_delay, deadLetterQueue: row.dead_letter_queue,
})

function worker(folder: string): WorkerOptions {
  const config = Bun.TOML.parse(readFileSync(join(folder, 'wrangler.toml'), 'utf8')) as unknown as Wrangler
  return {
    name: config.name,
    modules: [{ type: 'ESModule', path: config.main, contents: readFileSync(join(folder, config.main), 'utf8') }],
    compatibilityDate: config.compatibility_date,
    compatibilityFlags: config.compatibility_flags ?? [],
    bindings: { ...config.vars, ...secrets },
    serviceBindings: table(config.services, (row) => [row.binding, row.service]),
    queueProducers: table(config.queues?.producers, (row) => [row.binding, row.queue]),
    queueConsumers: Object.fromEntries((config.queues?.consumers ?? []).map((row) => [row.queue, consumer(row)])),
    durableObjects: Object.fromEntries(
      (config.durable_objects?.bindings ?? []).map((row) => [row.name, { className: row.class_name, useSQLite: true }]),
    ),
    d1Databases: table(config.d1_databases, (row) => [row.binding, row.database_name]),
    r2Buckets: table(config.r2_buckets, (row) => [row.binding, row.bucket_name]),
    kvNamespaces: table(config.kv_namespaces, (row) => [row.binding, row.binding]),
  }
}

const folders = [join(root, 'router'), ...readdirSync(join(root, 'units')).sort().map((unit) => join(root, 'units', unit))]
const workers = folders.filter((folder) => existsSync(join(folder, 'wrangler.toml'))).map(worker)
const miniflare = new Miniflare({ workers })

async function answer(asked: Request_): Promise<unknown> {
  if (asked.queue !== undefined) {
    const { queue, messages = [], worker: name } = asked
    const consumer = await miniflare.getWorker(name)
    const batch = messages.map((body, index) => ({ id: String(index), timestamp: new Date(0), attempts: 1, body }))
    return consumer.queue(queue, batch)
  }
  if (asked.cron !== undefined) return (await miniflare.getWorker(asked.worker)).scheduled({ cron: asked.cron })
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

await miniflare.ready
console.log(JSON.stringify({ workers: workers.map((one) => one.name) }))
for await (const line of createInterface({ input: process.stdin })) {
  try {
    console.log(JSON.stringify({ answer: await answer(JSON.parse(line) as Request_) }))
  } catch (error) {
    console.log(JSON.stringify({ error: String(error) }))
  }
}
await miniflare.dispose()
