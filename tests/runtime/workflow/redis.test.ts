/** What a Redis that was started again may have forgotten: who had a run before that, has it no more. */
import { afterAll, describe, expect, test } from 'bun:test'
import { connect } from '../../../unitgraph/runtime/server/redis/client.ts'
import { createRunStore } from '../../../unitgraph/runtime/server/redis/runs.ts'
import { forgetful, prefixOf } from '../../../unitgraph/runtime/server/redis/store.ts'
import type { Started, Store } from '../../../unitgraph/runtime/workflow/store.ts'
import { placeOf, projectName } from '../stores.ts'

const client = connect(placeOf('TEST_REDIS'))
afterAll(() => client.close())

const LEASE = { worker: 'w', ttlMs: 60_000 }
const ENTRY = { key: 'k', kind: 'inline' as const, phase: 'open' as const, fingerprint: '', attempt: 1, input: null, value: null, error: null, startedAt: 5 }

/** With a run in the worker's hands. */
const opened = async (forgets: boolean) => {
  const prefix = prefixOf(projectName())
  const store = createRunStore(client, prefix, forgets)
  const { run } = (await store.start({ id: 'r', name: 'x', version: '1', input: '1' }, LEASE)) as Extract<Started, { is: 'started' }>
  const append = (epoch: number, fromSeq: number) => store.append({ id: 'r', epoch, fromSeq, entries: [ENTRY] })
  expect(await append(run.head.epoch, 0)).toMatchObject({ is: 'ok' })
  return {
    store, append, epoch: run.head.epoch,
    /** As if another process of the server had answered last. */
    restart: () => client.call('HSET', `${prefix}runs:server`, 'id', 'another'),
  }
}
const claim = async (store: Store) => (await store.claim({ ...LEASE, worker: 'v', versions: { x: '1' }, count: 1 })).runs[0]?.head

describe('a server that was started again, as one that forgets', () => {
  test('refuses what is written by who had a run before, and gives it to the next at once, with an epoch that nobody had', async () => {
    const { store, append, epoch, restart } = await opened(true)
    const before = Date.now() - 1000
    await restart()
    expect(await append(epoch, 1)).toEqual({ is: 'fenced' })
    const head = await claim(store)
    expect(head).toMatchObject({ id: 'r', owner: 'v', recoveries: 0, seq: 1 })
    expect(head!.epoch > before).toBe(true)
    expect(await append(epoch, 1)).toEqual({ is: 'fenced' })
    expect(await append(head!.epoch, 1)).toMatchObject({ is: 'ok' })
  })
  test('tells who renews that the run is lost', async () => {
    const { store, restart } = await opened(true)
    await restart()
    expect(await store.renew(LEASE, ['r'])).toMatchObject({ lost: ['r'] })
    expect(await claim(store)).toMatchObject({ id: 'r', owner: 'v' })
  })
  test('twice, and each time the epochs are higher', async () => {
    const { store, append, restart } = await opened(true)
    const epochs: number[] = []
    for (let time = 0; time < 3; time += 1) {
      await restart()
      await store.renew({ ...LEASE, worker: 'v' }, ['r'])
      await store.renew(LEASE, ['r'])
      const head = await claim(store)
      epochs.push(head!.epoch)
      expect(await append(head!.epoch, 1 + time)).toMatchObject({ is: 'ok' })
    }
    expect([...new Set(epochs)].sort((a, b) => a - b)).toEqual(epochs)
  })
})

test('a server that flushes what it answers forgets nothing, and who has a run keeps it', async () => {
  const { store, append, epoch, restart } = await opened(false)
  await restart()
  expect(await append(epoch, 1)).toMatchObject({ is: 'ok' })
  expect(await store.renew(LEASE, ['r'])).toMatchObject({ lost: [] })
  expect(await claim(store)).toBe(undefined)
})

test('a server that reads its file says that it has none, and is waited for', async () => {
  const says = (persistence: string) => forgetful({
    ...client, call: async (_command, section) => (section === 'persistence' ? persistence : 'maxmemory:0\r\nmaxmemory_policy:noeviction\r\n'),
  })
  await expect(says('loading:1\r\naof_enabled:0\r\n')).rejects.toThrow('LOADING')
  expect(await says('loading:0\r\naof_enabled:1\r\n')).toEqual([])
  expect((await says('loading:0\r\naof_enabled:0\r\n')).length).toBe(1)
})
