/** Workers that die: at every single call of the store, and by chance among several workers with zombies between them. */
import { afterAll, describe, expect, test } from 'bun:test'
import { NonRetryableError } from '../../../unitgraph/runtime/workflow/errors.ts'
import { approvalType } from '../../../unitgraph/runtime/workflow/wire.ts'
import type { Run } from '../../../unitgraph/runtime/workflow/run.ts'
import { chance, createLab, type Code, type Crash, type Lab } from './lab.ts'
import { removeStores, STORES, type Make } from './stores.ts'

const order: Code = async (workflow, data) => {
  const stock = await workflow.do('Reserve', 'reserve' as never, data as never)
  const [paid, slip] = await Promise.all([
    workflow.do('Charge', 'charge' as never, data as never, { retryDelay: '10s' }),
    workflow.do('Print slip', async () => `slip ${data.id}`),
  ])
  await workflow.sleep('Cool off', '1h')
  const decision = await workflow.approval('Release', { timeout: '2d' })
  const parcel = await workflow.do('Ship', 'shipping' as never, { id: data.id } as never)
  const both = await workflow.all('tell', {
    mail: async () => { await workflow.do('Tell', 'tell' as never, 'mail' as never); return workflow.uuid() },
    text: async () => workflow.do('Tell', 'tell' as never, 'text' as never),
  })
  return { stock, paid, slip, decision, parcel, told: typeof both.mail }
}
const shipping: Code = async (workflow, { id }) => {
  const label = await workflow.do('Label', 'label' as never, { id } as never)
  await workflow.sleep('Pick up', '3h')
  return { label }
}
const OUTPUT = {
  stock: 'reserved o1', paid: 'paid at attempt 2', slip: 'slip o1', decision: { approved: true }, parcel: { label: 'label o1' }, told: 'string',
}
const STEPS = ['Reserve', 'Charge', 'Label', 'Tell']

const lab = (seed: number, store: Make): Lab => createLab({
  seed, store,
  workflows: { order, shipping },
  steps: {
    reserve: ({ id }) => `reserved ${id}`,
    charge: (_data, { attempt }) => {
      if (attempt === 1) throw new Error('try again')
      return `paid at attempt ${attempt}`
    },
    label: ({ id }) => `label ${id}`,
    tell: () => undefined,
  },
})

/** Whoever approves does so once the run waits for it, and says it again until it is heard. */
const play = async (made: Lab): Promise<{ status: string; output: unknown; runs: Run[] }> => {
  await made.start('order', { id: 'o1' }, 'r1')
  await made.until(async () => (await made.run('r1')).journal.some(({ key }) => key === 'Release'))
  await made.deliver('r1', approvalType('Release'), { approved: true }, 'approval Release', 'Release')
  const { status, output } = await made.ended('r1')
  // a child that had told its parent and died before it had ended comes to its end as well
  await made.until(async () => (await made.store.list({ limit: 9 })).every(({ finishedAt }) => finishedAt !== null))
  return { status, output, runs: await Promise.all((await made.store.list({ limit: 9 })).map(({ id }) => made.run(id))) }
}

const check = (made: Lab, faults: number, { status, output, runs }: Awaited<ReturnType<typeof play>>): void => {
  expect([status, output]).toEqual(['completed', OUTPUT])
  expect(runs.map(({ head }) => head.status)).toEqual(['completed', 'completed'])
  for (const { journal, head } of runs) {
    expect(journal.map(({ seq }) => seq)).toEqual(journal.map((_entry, index) => index + 1))
    expect(head.seq).toBe(journal.length)
    const ends = journal.filter(({ phase }) => phase === 'done').map(({ key }) => key)
    expect(ends.length).toBe(new Set(ends).size)
    for (const entry of journal) {
      // nothing is begun once its result is recorded
      const begun = made.ledger.filter((line) => line.run === head.id && line.step === entry.key)
      if (entry.phase === 'done') expect(begun.every(({ at }) => at <= entry.at)).toBe(true)
    }
    const opened = journal.find(({ key, phase }) => key === 'Cool off' && phase === 'open')
    const slept = journal.find(({ key, phase }) => key === 'Cool off' && phase === 'done')
    if (opened && slept) expect(slept.at - opened.startedAt >= 3_600_000).toBe(true)
  }
  for (const step of STEPS) {
    const successes = made.done(step).filter(({ attempt }) => step !== 'Charge' || attempt === 2)
    const wanted = step === 'Tell' ? 2 : 1
    expect(successes.length >= wanted).toBe(true)
    expect(successes.length <= wanted * (1 + faults)).toBe(true)
  }
}

const calm = async (store: Make): Promise<number> => {
  const made = lab(1, store)
  made.spawn('one')
  check(made, 0, await play(made))
  return made.calls
}

/** What is undone, in reverse, after the last step fails or a cancel comes while it sleeps. */
const trip: Code = async (workflow, { end }) => {
  await workflow.do('Hotel', 'book' as never, 'hotel' as never, { compensate: 'unbook' as never })
  await Promise.all(['train', 'boat'].map((what) => workflow.do(what, 'book' as never, what as never, { compensate: 'unbook' as never })))
  if (end === 'cancelled') await workflow.sleep('Wait', '30d')
  await workflow.do('Pay', 'pay' as never, 'money' as never, { retries: 0, onError: 'unbook' as never })
}
const trips = (store: Make): Lab => createLab({
  store, workflows: { trip },
  steps: {
    book: () => 'booked', pay: () => { throw new NonRetryableError('no money') },
    unbook: (what, { attempt }) => { if (what === 'train' && attempt === 1) throw new Error('busy') },
  },
})
const undone = async (made: Lab, end: string, faults: number): Promise<void> => {
  await made.start('trip', { end }, 'r1')
  if (end === 'cancelled') {
    await made.until(async () => (await made.run('r1')).journal.some(({ key }) => key === 'Wait'))
    await made.store.cancel('r1', null)
    made.kick()
  }
  const { status, run: { journal } } = await made.ended('r1')
  expect(status).toBe(end)
  const words = journal.filter(({ kind, phase }) => kind === 'undo' && phase === 'done')
  const first = end === 'failed' ? ['Pay, undone'] : []
  expect(words.map(({ key }) => key)).toEqual([...first, '!undo', 'boat, compensated', 'train, compensated', 'Hotel, compensated'])
  for (const { key } of words.filter((word) => word.key !== '!undo')) {
    const [done, least] = [made.done(key), key.startsWith('train') ? 2 : 1]
    expect(done.length >= least && done.length <= least + faults).toBe(true)
    expect(done.every(({ at }) => at <= words.find((word) => word.key === key)!.at)).toBe(true)
  }
  // the next one isn't begun before the one before it has its word
  for (const [index, { key }] of words.slice(1).entries()) expect(made.done(key).every(({ at }) => at >= words[index]!.at)).toBe(true)
}

afterAll(removeStores)

describe.each(Object.keys(STORES))('%s', (name) => {
  const store = STORES[name] as Make

  test.each(['before', 'after', 'lost'] as Crash[])('a worker that dies at any one call of the store, %s it took effect', async (how) => {
    const calls = await calm(store)
    for (let call = 1; call <= calls; call += 1) {
      const made = lab(1, store)
      made.crashes.push({ call, how })
      made.spawn('one')
      try {
        check(made, 1, await play(made))
      } catch (error) {
        throw new Error(`call ${call} of ${calls}: ${error instanceof Error ? error.message : String(error)}`, { cause: error })
      }
      await made.store.close()
    }
  }, 120_000)

  test.each(['failed', 'cancelled'])('a worker that dies at any one call of the store while a run that has %s is undone', async (end) => {
    const calm = trips(store)
    calm.spawn('one')
    await undone(calm, end, 0)
    for (const how of ['before', 'after', 'lost'] as Crash[]) {
      for (let call = 1; call <= calm.calls; call += 1) {
        const made = trips(store)
        made.crashes.push({ call, how })
        made.spawn('one')
        try {
          await undone(made, end, 1)
        } catch (error) {
          throw new Error(`${how} call ${call} of ${calm.calls}: ${error instanceof Error ? error.message : String(error)}`, { cause: error })
        }
        await made.store.close()
      }
    }
  }, 120_000)

  test.each(Array.from({ length: 30 }, (_, index) => index + 1))('several workers that die by chance, seed %d', async (seed) => {
    const made = lab(seed, store)
    const random = chance(seed * 7919)
    const faults = 1 + Math.floor(random() * 6)
    for (let fault = 0; fault < faults; fault += 1) {
      made.crashes.push({ call: 1 + Math.floor(random() * 90), how: (['before', 'after', 'lost'] as Crash[])[Math.floor(random() * 3)]! })
    }
    for (let worker = 0; worker < 1 + Math.floor(random() * 3); worker += 1) made.spawn(`worker ${worker}`)
    check(made, faults, await play(made))
    await made.store.close()
  }, 60_000)
})
