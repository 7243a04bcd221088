/** Every store that a test can have, by name, each time a new one that is empty. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect as toPostgres } from '../../../unitgraph/runtime/server/postgres/client.ts'
import { createRunStore as inPostgres } from '../../../unitgraph/runtime/server/postgres/runs.ts'
import { prepare } from '../../../unitgraph/runtime/server/postgres/schema.ts'
import { connect as toRedis, type Client } from '../../../unitgraph/runtime/server/redis/client.ts'
import { createRunStore as inRedis } from '../../../unitgraph/runtime/server/redis/runs.ts'
import { prefixOf } from '../../../unitgraph/runtime/server/redis/store.ts'
import { createMemoryStore } from '../../../unitgraph/runtime/workflow/memory.ts'
import { createSqliteStore } from '../../../unitgraph/runtime/workflow/sqlite.ts'
import type { Store } from '../../../unitgraph/runtime/workflow/store.ts'
import { placeOf, projectName } from '../stores.ts'

export type Make = (now: () => number) => Store

/** In memory where the machine has that: thousands of flushes are not what these tests are about. */
const PLACE = existsSync('/dev/shm') ? '/dev/shm' : tmpdir()

const folders: string[] = []
const redis: { client?: Client } = {}

/** Before each call, the server is told what time it is. */
const told = (store: Store, tell: () => Promise<unknown>): Store => new Proxy(store, {
  get: (target, method: keyof Store) => async (...args: never[]) => {
    await tell()
    return (target[method] as (...given: never[]) => unknown)(...args)
  },
})

const openPostgres = async () => {
  const client = toPostgres(placeOf('TEST_POSTGRES'))
  return { client, schema: await prepare(client, projectName()) }
}
let postgres: ReturnType<typeof openPostgres> | undefined
/** Calls of the store that is in it. */
const underWay = new Set<Promise<unknown>>()
let latest = 0

/** One schema for all, emptied each time: making one takes longer than the tests do. A store that was before is heard no more. */
const inEmptied = (now: () => number): Store => {
  const mine = (latest += 1)
  const open = async (): Promise<Store> => {
    await Promise.allSettled(underWay)
    const { client, schema } = await (postgres ??= openPostgres())
    const store = await inPostgres(client, schema, now)
    await client.run(['runs', 'payloads', 'journal', 'inbox', 'limits'].map((table) => `DELETE FROM ${schema}.${table}`).join(';'))
    return store
  }
  let store: Promise<Store> | undefined
  const methods = Object.keys(createMemoryStore()).map((method) => [method, async (...given: never[]) => {
    const opened = await (store ??= open())
    if (mine !== latest) return new Promise(() => undefined)
    const answer = (opened[method as keyof Store] as (...given: never[]) => Promise<unknown>)(...given)
    underWay.add(answer)
    return answer.finally(() => underWay.delete(answer))
  }])
  return Object.fromEntries(methods) as Store
}

export const STORES: Readonly<Record<string, Make>> = {
  memory: createMemoryStore,
  sqlite: (now) => {
    const folder = mkdtempSync(join(PLACE, 'unitgraph-runs-'))
    folders.push(folder)
    return createSqliteStore(folder, now)
  },
  redis: (now) => {
    const client = redis.client ??= toRedis(placeOf('TEST_REDIS'))
    const prefix = prefixOf(projectName())
    // the same scripts for all: a server keeps each that it was ever told
    const store = inRedis(client, prefix, true, "tonumber(redis.call('GET', KEYS[1] .. 'clock'))")
    return told(store, () => client.call('SET', `${prefix}runs:clock`, String(now())))
  },
  postgres: inEmptied,
}

export const removeStores = (): void => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
  redis.client?.close()
  delete redis.client
}
