/** The same calls give the same answers and the same runs, whatever keeps them. */
import { afterAll, describe, expect, test } from 'bun:test'
import type { Run } from '../../../unitgraph/runtime/workflow/run.ts'
import type { Claimed, Started, Store } from '../../../unitgraph/runtime/workflow/store.ts'
import { chance } from './lab.ts'
import { removeStores, STORES } from './stores.ts'

afterAll(removeStores)

const WORKERS = ['w1', 'w2']
const IDS = ['a', 'b', 'c', 'd']

/** One call, chosen by chance and by what the oracle has; the answer without what may be in any order. */
const calls = (random: () => number) => {
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] as T
  const entry = (n: number) => ({
    key: `step of ${n}`, kind: 'inline' as const, phase: pick(['open', 'retry', 'done'] as const), fingerprint: '', attempt: n,
    value: pick(['{}', null]), error: null, startedAt: n,
  })
  return [
    () => {
      const run = { id: pick(IDS), name: pick(['x', 'y']), version: '1', input: pick(['1', '2']), priority: pick([0, 5]), delayMs: pick([0, 100]) }
      const lease = random() < 0.3 ? { worker: pick(WORKERS), ttlMs: 300 } : undefined
      return (store: Store) => store.start(run, lease)
    },
    () => {
      const claim = { worker: pick(WORKERS), ttlMs: 300, names: pick([['x'], ['y'], ['x', 'y'], []]), count: 10 }
      return (store: Store) => store.claim(claim)
    },
    (oracle: ReadonlyMap<string, Run>) => {
      const id = pick(IDS)
      const head = oracle.get(id)?.head
      const isOff = random() < 0.2
      const change = pick([
        {}, {}, { status: 'waiting' as const, dueAt: pick([null, 1_000_400]) }, { status: 'paused' as const, reason: 'why' },
        { status: 'completed' as const, output: '3' }, { status: 'failed' as const, error: 'e', reason: 'broken' },
      ])
      const seq = head?.seq ?? 0
      const given = {
        id, epoch: (head?.epoch ?? 0) - (isOff ? 1 : 0), fromSeq: seq, change, entries: [1, 2].slice(0, Math.floor(random() * 3)).map((n) => entry(seq * 10 + n)),
        ...(random() < 0.4 && { seen: pick([head?.inboxSeq ?? 0, 0]) }),
      }
      return (store: Store) => store.append(given)
    },
    () => {
      const given = { worker: pick(WORKERS), ids: IDS.filter(() => random() < 0.5) }
      return (store: Store) => store.renew({ worker: given.worker, ttlMs: 300 }, given.ids)
    },
    () => {
      const [id, messageId, key] = [pick(IDS), pick(['m1', 'm2', 'm3']), pick([undefined, 'step of 1'])]
      return (store: Store) => store.deliver(id, { messageId, type: 't', payload: 'p', by: pick(['me']), ...(key && { key }) })
    },
    () => { const id = pick(IDS); return (store: Store) => store.cancel(id, 'enough') },
    () => { const id = pick(IDS); return (store: Store) => store.resume(id) },
    () => { const [id, as, to] = [pick(IDS), `${pick(IDS)}'`, pick([0, 1, 9])]; return (store: Store) => store.fork(id, as, to) },
    () => { const worker = pick(WORKERS); return (store: Store) => store.release(worker) },
    () => { const before = pick([0, 1_000_200, 2_000_000]); return (store: Store) => store.purge(before, 1) },
    (oracle: ReadonlyMap<string, Run>) => {
      const ids = [...oracle.keys()]
      const head = ids.length > 0 && random() < 0.3 ? oracle.get(pick(ids))?.head : undefined
      const filter = {
        limit: pick([2, 50]), ...pick([{}, { status: 'waiting' as const }]), ...pick([{}, { name: 'x' }]), ...pick([{}, {}, { since: 1_003_000 }]),
        ...pick([{}, {}, { text: 'A' }, { text: "'" }, { text: 'BROK' }, { text: '2' }, { text: '%' }]), ...(head && { before: head }),
      }
      return (store: Store) => store.list(filter)
    },
    () => { const [id, n] = [pick(IDS), pick([0, 1])]; return (store: Store) => store.inbox(id, n) },
  ]
}

const inOrder = (answer: unknown): unknown => {
  if (typeof answer !== 'object' || answer === null || !('runs' in answer)) return answer
  const { runs, ...rest } = answer as Claimed
  return { ...rest, runs: [...runs].sort((a, b) => (a.head.id < b.head.id ? -1 : 1)) }
}

describe.each(Object.keys(STORES).filter((name) => name !== 'memory'))('%s', (name) => {
  test.each(Array.from({ length: 25 }, (_, index) => index + 1))('does as the store in memory, seed %d', async (seed) => {
    let now = 1_000_000
    const random = chance(seed)
    const [oracle, other] = [STORES['memory']!(() => now), STORES[name]!(() => now)]
    try {
      for (let number = 0; number < 120; number += 1) {
        now += Math.floor(random() * 120)
        const runs = new Map<string, Run>()
        for (const id of IDS) {
          const run = await oracle.load(id)
          if (run) runs.set(id, run)
        }
        const make = calls(random)
        const call = make[Math.floor(random() * make.length)]!(runs)
        let expected: unknown
        let got: unknown
        try { expected = await call(oracle) } catch (error) { expected = error }
        try { got = await call(other) } catch (error) { got = error }
        expect(inOrder(got), `call ${number}`).toEqual(inOrder(expected))
      }
      for (const id of [...IDS, ...IDS.map((one) => `${one}'`)]) expect(await other.load(id)).toEqual(await oracle.load(id))
    } finally {
      await other.close()
    }
  })
})

describe.each(Object.keys(STORES))('%s', (name) => {
  test('one step has one last word, whoever says it', async () => {
    const store = STORES[name]!(() => 5)
    const { run } = (await store.start({ id: 'r', name: 'x', version: '1', input: '1' }, { worker: 'w', ttlMs: 10 })) as Extract<Started, { is: 'started' }>
    const word = { key: 'k', kind: 'inline' as const, phase: 'done' as const, fingerprint: '', attempt: 1, value: '1', error: null, startedAt: 5 }
    expect(await store.append({ id: 'r', epoch: run.head.epoch, fromSeq: 0, entries: [word] })).toMatchObject({ is: 'ok' })
    await expect(store.append({ id: 'r', epoch: run.head.epoch, fromSeq: 1, entries: [word] })).rejects.toThrow()
    expect((await store.load('r'))!.journal.length).toBe(1)
    await store.close()
  })
})
