/** A Worker's wrangler.toml, as a build writes it, in miniflare's words. Knows both forms, and starts nothing. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { WorkerOptions } from 'miniflare'

declare const Bun: { TOML: { parse(text: string): unknown } }

export interface Consumer {
  readonly queue: string
  readonly max_batch_size?: number
  readonly max_batch_timeout?: number
  readonly max_retries?: number
  readonly retry_delay?: number
  readonly dead_letter_queue?: string
}

export interface Wrangler {
  readonly name: string
  readonly main: string
  readonly compatibility_date: string
  readonly compatibility_flags?: string[]
  readonly services?: { binding: string; service: string }[]
  readonly queues?: { producers?: { binding: string; queue: string }[]; consumers?: Consumer[] }
  readonly durable_objects?: { bindings: { name: string; class_name: string; script_name?: string }[] }
  readonly triggers?: { crons: string[] }
  readonly d1_databases?: { binding: string; database_name: string; migrations_dir?: string }[]
  readonly r2_buckets?: { binding: string; bucket_name: string }[]
  readonly kv_namespaces?: { binding: string }[]
  readonly vars?: Record<string, string>
}

type Modules = { type: 'ESModule'; path: string; contents: string }[]

/** The folders of all Workers of a build output, the router's first: requests go to it. */
export const foldersOf = (root: string): string[] => {
  const units = readdirSync(join(root, 'units')).sort().map((unit) => join(root, 'units', unit))
  return [join(root, 'router'), ...units].filter((folder) => existsSync(join(folder, 'wrangler.toml')))
}

export const parseWrangler = (text: string): Wrangler => Bun.TOML.parse(text) as Wrangler

export const readWrangler = (folder: string): Wrangler => parseWrangler(readFileSync(join(folder, 'wrangler.toml'), 'utf8'))

const table = <Row, Value>(rows: readonly Row[] | undefined, pair: (row: Row) => [string, Value]): Record<string, Value> =>
  Object.fromEntries((rows ?? []).map(pair))

/** What wrangler.toml says of a consumer. */
const consumer = (row: Consumer) => ({
  maxBatchSize: row.max_batch_size, maxBatchTimeout: row.max_batch_timeout, maxRetries: row.max_retries,
  retryDelay: row.retry_delay, deadLetterQueue: row.dead_letter_queue,
})

/** A Worker with these modules, the first of which is its own, and these texts in its environment. */
export const workerOf = (config: Wrangler, modules: Modules, bindings: Record<string, string>): WorkerOptions => ({
  name: config.name,
  modules,
  compatibilityDate: config.compatibility_date,
  compatibilityFlags: config.compatibility_flags ?? [],
  bindings,
  serviceBindings: table(config.services, (row) => [row.binding, row.service]),
  queueProducers: table(config.queues?.producers, (row) => [row.binding, row.queue]),
  queueConsumers: table(config.queues?.consumers, (row) => [row.queue, consumer(row)]),
  durableObjects: table(config.durable_objects?.bindings, (row) => [
    row.name,
    { className: row.class_name, useSQLite: true, ...(row.script_name !== undefined && { scriptName: row.script_name }) },
  ]),
  d1Databases: table(config.d1_databases, (row) => [row.binding, row.database_name]),
  r2Buckets: table(config.r2_buckets, (row) => [row.binding, row.bucket_name]),
  kvNamespaces: table(config.kv_namespaces, (row) => [row.binding, row.binding]),
})
