/** The same calls give the same answers and the same runs, whatever keeps them. */
import { afterAll, describe, expect, test } from 'bun:test'
import type { NewRun, Run } from '../../../unitgraph/runtime/workflow/run.ts'
import type { Claimed, Started, Store } from '../../../unitgraph/runtime/workflow/store.ts'
import { chance } from './lab.ts'
import { inObjects } from './kept.ts'
import { removeStores, STORES, type Make } from './stores.ts'

afterAll(removeStores)

const WORKERS = ['w1', 'w2']
const IDS = ['a', 'b', 'c', 'd', 'e', 'f']

/** One call, chosen by chance and by what the oracle has; the answer without what may be in any order. */
const calls = (random: () => number, isLimited: boolean) => {
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] as T
  const entry = (n: number) => ({
    key: `step of ${n}`, kind: 'inline' as const, phase: pick(['open', 'retry', 'done'] as const), fingerprint: '', attempt: n,
    input: pick(['{"v":1}', null]), value: pick(['{}', null]), error: null, startedAt: n,
  })
  return [
    () => {
      const run = {
        id: pick(IDS), name: pick(['x', 'y']), version: pick(['1', '2']), input: pick(['1', '2']), delayMs: pick([0, 100]), priority: pick([0, 5]),
        ...(isLimited && pick([{}, { concurrencyKey: pick(['k', 'l']), concurrencyLimit: pick([1, 2]) }])),
        ...(isLimited && pick([{}, { rateKey: pick(['r', 's']), rateLimit: 3, ratePerMs: 500 }])), ...pick([{}, { retentionMs: 300 }]),
      }
      const lease = random() < 0.3 ? { worker: pick(WORKERS), ttlMs: 300 } : undefined
      return (store: Store) => store.start(run, lease)
    },
    () => {
      const versions: Record<string, string>[] = [{ x: '1' }, { y: '2' }, { x: '2', y: '1' }, {}]
      const claim = { worker: pick(WORKERS), ttlMs: 300, versions: pick(versions), count: pick([10, 10, 1, 0]) }
      return (store: Store) => store.claim(claim)
    },
    (oracle: ReadonlyMap<string, Run>) => {
      const id = pick(IDS)
      const head = oracle.get(id)?.head
      const isOff = random() < 0.2
      const change = pick([
        {}, {}, { status: 'waiting' as const, dueAt: pick([null, 1_000_400]) }, { status: 'paused' as const, reason: 'why', dueAt: pick([null, 1_000_100]) },
        { status: 'completed' as const, output: '3' }, { status: 'failed' as const, error: 'e', reason: 'broken' },
      ])
      const seq = head?.seq ?? 0
      const given = {
        id, epoch: (head?.epoch ?? 0) - (isOff ? 1 : 0), fromSeq: seq, change, entries: [1, 2].slice(0, Math.floor(random() * 3)).map((n) => entry(seq * 10 + n)),
        ...(random() < 0.4 && { seen: pick([head?.inboxSeq ?? 0, 0]) }), ...(random() < 0.5 && { version: pick(['1', '2']) }),
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
    (oracle: ReadonlyMap<string, Run>) => {
      const id = pick(IDS)
      const epoch = (oracle.get(id)?.head.epoch ?? 0) - pick([0, 0, 1])
      return (store: Store) => store.isHeld(id, epoch)
    },
    () => { const id = pick(IDS); return (store: Store) => store.resume(id) },
    () => { const [id, as, to] = [pick(IDS), `${pick(IDS)}'`, pick([0, 1, 9])]; return (store: Store) => store.fork(id, as, to) },
    () => { const worker = pick(WORKERS); return (store: Store) => store.release(worker) },
    () => { const before = pick([undefined, undefined, 0, 1_000_200, 2_000_000]); return (store: Store) => store.purge(9, before) },
    (oracle: ReadonlyMap<string, Run>) => {
      const [id, past, text] = [pick(IDS), pick([0, 0, 1]), pick(['one', 'two'])]
      const epoch = (oracle.get(id)?.head.epoch ?? 0) - past
      return (store: Store) => store.note(id, epoch, text)
    },
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

/** Objects have their limits apart, and what is under way in memory only. */
const OTHERS: Readonly<Record<string, Make>> = { ...STORES, objects: inObjects }
const settledOf = (name: string, run: Run | undefined): Run | undefined => (name === 'objects' && run ? { ...run, underway: null } : run)

describe.each(Object.keys(OTHERS).filter((name) => name !== 'memory'))('%s', (name) => {
  const seen = (answer: unknown): unknown => {
    const ordered = inOrder(answer)
    if (name !== 'objects' || typeof ordered !== 'object' || ordered === null) return ordered
    if ('runs' in ordered) return { ...ordered, runs: (ordered.runs as Run[]).map((run) => settledOf(name, run)) }
    return 'run' in ordered ? { ...ordered, run: settledOf(name, ordered.run as Run) } : ordered
  }
  test.each(Array.from({ length: 25 }, (_, index) => index + 1))('does as the store in memory, seed %d', async (seed) => {
    let now = 1_000_000
    const random = chance(seed)
    const [oracle, other] = [STORES['memory']!(() => now), OTHERS[name]!(() => now)]
    try {
      for (let number = 0; number < 120; number += 1) {
        now += Math.floor(random() * 120)
        const runs = new Map<string, Run>()
        for (const id of IDS) {
          const run = await oracle.load(id)
          if (run) runs.set(id, run)
        }
        const make = calls(random, name !== 'objects')
        const call = make[Math.floor(random() * make.length)]!(runs)
        let expected: unknown
        let got: unknown
        try { expected = await call(oracle) } catch (error) { expected = error }
        try { got = await call(other) } catch (error) { got = error }
        expect(seen(got), `call ${number}`).toEqual(seen(expected))
      }
      for (const id of [...IDS, ...IDS.map((one) => `${one}'`)]) expect(settledOf(name, await other.load(id))).toEqual(settledOf(name, await oracle.load(id)))
    } finally {
      await other.close()
    }
  })
})

describe.each(Object.keys(STORES))('%s', (name) => {
  test('one step has one last word, whoever says it', async () => {
    const store = STORES[name]!(() => 5)
    const { run } = (await store.start({ id: 'r', name: 'x', version: '1', input: '1' }, { worker: 'w', ttlMs: 10 })) as Extract<Started, { is: 'started' }>
    const word = { key: 'k', kind: 'inline' as const, phase: 'done' as const, fingerprint: '', attempt: 1, input: null, value: '1', error: null, startedAt: 5 }
    expect(await store.append({ id: 'r', epoch: run.head.epoch, fromSeq: 0, entries: [word] })).toMatchObject({ is: 'ok' })
    await expect(store.append({ id: 'r', epoch: run.head.epoch, fromSeq: 1, entries: [word] })).rejects.toThrow()
    expect((await store.load('r'))!.journal.length).toBe(1)
    await store.close()
  })

  const some = async (store: Store, count: number, given: Partial<NewRun>, prefix = 'r'): Promise<void> => {
    for (let n = 0; n < count; n += 1) await store.start({ id: `${prefix}${n}`, name: 'x', version: '1', input: '1', ...given })
  }
  const claim = (store: Store, worker: string, count = 9, version = '1'): Promise<Claimed> =>
    store.claim({ worker, ttlMs: 1000, versions: { x: version }, count })
  const ids = ({ runs }: Claimed): string[] => runs.map(({ head }) => head.id)
  const park = (store: Store, { runs: [run] }: Claimed, dueAt: number | null): Promise<unknown> =>
    store.append({ id: run!.head.id, epoch: run!.head.epoch, fromSeq: run!.head.seq, entries: [], change: { status: 'waiting', dueAt } })

  test('of a key no more are in hand than its limit says, whoever claims and whatever becomes of them', async () => {
    let now = 0
    const store = STORES[name]!(() => now)
    await some(store, 4, { concurrencyKey: 'k', concurrencyLimit: 2 })
    await some(store, 1, { concurrencyKey: 'l', concurrencyLimit: 1 }, 'other')
    await some(store, 1, {}, 'free')
    const first = await claim(store, 'w1')
    expect([ids(first), first.nextAt]).toEqual([['free0', 'other0', 'r0', 'r1'], null])
    // with a lease, the same
    const started = (await store.start(
      { id: 'r9', name: 'x', version: '1', input: '1', concurrencyKey: 'k', concurrencyLimit: 2 }, { worker: 'w3', ttlMs: 5 },
    )) as Extract<Started, { is: 'started' }>
    expect(started.run.head.status).toBe('ready')
    expect(await claim(store, 'w2')).toMatchObject({ runs: [], nextAt: 1000 })
    // one that waits is not in hand, and one whose lease is over still is
    await park(store, { ...first, runs: first.runs.slice(2) }, 5000)
    expect(ids(await claim(store, 'w2'))).toEqual(['r2'])
    now = 1000
    expect(ids(await claim(store, 'w3', 1))).toEqual(['free0'])
    now = 1001
    expect(ids(await claim(store, 'w3')).sort()).toEqual(['other0', 'r1', 'r2'])
    expect(ids(await claim(store, 'w3'))).toEqual([])
    await store.close()
  })
  test('of a key no more begin than its bucket has tokens, and a run that goes on needs none', async () => {
    let now = 10_000
    const store = STORES[name]!(() => now)
    await some(store, 5, { rateKey: 'k', rateLimit: 2, ratePerMs: 1000 })
    const first = await claim(store, 'w1')
    expect([ids(first), first.nextAt]).toEqual([['r0', 'r1'], 10_500])
    await park(store, first, 10_001)
    now = 10_499
    const second = await claim(store, 'w1')
    expect([ids(second), second.nextAt]).toEqual([['r0'], 10_500])
    now = 10_500
    expect(ids(await claim(store, 'w1'))).toEqual(['r2'])
    now = 100_000
    expect(ids(await claim(store, 'w2')).sort()).toEqual(['r0', 'r1', 'r2', 'r3', 'r4'])
    await store.close()
  })
  test('what is more urgent is had first, then what was due first', async () => {
    let now = 0
    const store = STORES[name]!(() => now)
    await some(store, 2, {}, 'a')
    now = 1
    await some(store, 2, { priority: 1 }, 'b')
    await some(store, 1, { priority: -1 }, 'c')
    now = 2
    expect([ids(await claim(store, 'w', 3)), ids(await claim(store, 'w', 3))]).toEqual([['b0', 'b1', 'a0'], ['a1', 'c0']])
    await store.close()
  })
  test('a run that is paused for other code is had by who has it', async () => {
    const store = STORES[name]!(() => 5)
    await some(store, 1, {})
    const { runs: [run] } = await claim(store, 'new', 9, '2')
    const given = { id: 'r0', epoch: run!.head.epoch, fromSeq: 0, entries: [] }
    await store.append({ ...given, version: '2', change: { status: 'paused', dueAt: 5, reason: 'not mine' } })
    expect(await claim(store, 'new', 9, '2')).toMatchObject({ runs: [], nextAt: null })
    expect((await claim(store, 'old', 9, '1')).runs[0]!.head).toMatchObject({ id: 'r0', status: 'running', version: '1', recoveries: 0 })
    await store.close()
  })
  test('a run that has ended is kept for as long as it is to be', async () => {
    let now = 0
    const store = STORES[name]!(() => now)
    await some(store, 3, { retentionMs: 100 })
    await some(store, 1, {}, 'long')
    const { runs } = await claim(store, 'w')
    for (const { head } of runs.filter(({ head: { id } }) => id !== 'r2')) {
      await store.append({ id: head.id, epoch: 1, fromSeq: 0, entries: [], change: { status: 'completed', output: '1' } })
    }
    now = 99
    expect(await store.purge(9)).toBe(0)
    now = 100
    expect([await store.purge(1), await store.purge(9), await store.purge(9)]).toEqual([1, 1, 0])
    expect((await store.list({ limit: 9 })).map(({ id }) => id).sort()).toEqual(['long0', 'r2'])
    expect(await store.purge(9, 50)).toBe(1)
    await store.close()
  })
})
