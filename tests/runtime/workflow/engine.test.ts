/** What a workflow's code may count on, in memory and under our clock. */
import { describe, expect, test } from 'bun:test'
import { ConflictError } from '#pikku'
import { createLab, type Code, type Step } from './lab.ts'
import { statusOf } from '../../../unitgraph/runtime/workflow/asked.ts'
import { entriesOf } from '../../../unitgraph/runtime/workflow/underway.ts'
import { NonRetryableError } from '../../../unitgraph/runtime/workflow/errors.ts'
import type { Run } from '../../../unitgraph/runtime/workflow/run.ts'
import { approvalType, eventType } from '../../../unitgraph/runtime/workflow/wire.ts'

const onboard: Code = async (workflow, data) => {
  const profile = await workflow.do('Create profile', 'createProfile' as never, data)
  const crm = await workflow.do('Add to CRM', async () => ({ id: `crm-${data.userId}` }))
  await workflow.sleep('Wait before welcome', '5m')
  await workflow.do('Send welcome email', 'sendEmail' as never, { to: data.email } as never)
  return { profile, crm }
}

test('steps run once each, in order, with a real sleep between them', async () => {
  const lab = createLab({
    workflows: { onboard },
    steps: { createProfile: ({ userId }) => ({ profile: userId }), sendEmail: () => undefined },
  })
  lab.spawn('one')
  await lab.start('onboard', { userId: 'u1', email: 'a@example.com' }, 'r1')
  const { status, output, run } = await lab.ended('r1')
  expect([status, output]).toEqual(['completed', { profile: { profile: 'u1' }, crm: { id: 'crm-u1' } }])
  const [first, second] = lab.ledger
  expect(lab.ledger.map(({ step }) => step)).toEqual(['Create profile', 'Send welcome email'])
  expect(second!.at - first!.at >= 300_000).toBe(true)
  expect(run.journal.map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5])
  expect(run.journal.map(({ key, phase }) => `${key} ${phase}`)).toEqual([
    'Create profile done', 'Add to CRM done', 'Wait before welcome open', 'Wait before welcome done', 'Send welcome email done',
  ])
})

test('a parked run is in nobody\'s memory', async () => {
  const lab = createLab({ workflows: { long: async (workflow) => workflow.sleep('Long', '30d') } })
  const worker = lab.spawn('one')
  await lab.start('long', {}, 'r1')
  await lab.until(async () => (await lab.run('r1')).head.status === 'waiting')
  expect([worker.live, (await lab.run('r1')).head.owner]).toEqual([0, null])
  const began = (await lab.run('r1')).head.createdAt
  expect((await lab.ended('r1')).run.head.finishedAt! - began >= 30 * 86_400_000).toBe(true)
})

test('runs are forgotten when their time is over, a few at a time', async () => {
  const lab = createLab({ workflows: { short: async () => 1 } })
  const worker = lab.spawn('one')
  for (let n = 0; n < 250; n += 1) await lab.store.start({ id: `r${n}`, name: 'short', version: '1', input: '{}', retentionMs: n < 240 ? 86_400_000 : 9e9 })
  worker.kick()
  await lab.until(async () => (await lab.store.list({ limit: 999, status: 'completed' })).length === 250)
  lab.skip(86_400_000)
  const left: number[] = []
  for (let look = 0; look < 5; look += 1) {
    worker.kick()
    await lab.pass(0)
    left.push((await lab.store.list({ limit: 999 })).length)
  }
  expect([left.at(-1), left[0]! >= 40]).toEqual([10, true])
})

describe('values survive', () => {
  const values: Record<string, unknown> = {
    zero: 0, 'a fraction': -1.5, false: false, 'no text': '', null: null, undefined: undefined, 'no list': [], 'no object': {}, bigint: 10n,
    date: new Date(7), 'map of sets': new Map([[1, { a: new Set(['x']) }]]), bytes: new Uint8Array([1, 2]),
  }
  test.each(Object.keys(values))('%s', async (name) => {
    const value = values[name]
    const lab = createLab({
      workflows: { keep: async (workflow) => { const got = await workflow.do('Keep', async () => value); await workflow.sleep('Then', '1h'); return { got } } },
    })
    lab.spawn('one')
    await lab.start('keep', {}, 'r1')
    expect(((await lab.ended('r1')).output as { got: unknown }).got).toEqual(value as never)
  })
})

test('a step that fails is tried again with growing pauses, then the run fails with its error', async () => {
  const lab = createLab({
    workflows: { fragile: async (workflow) => workflow.do('Break', 'fail' as never, {} as never, { retries: 3, retryDelay: '10s' }) },
    steps: { fail: () => { throw new TypeError('broken') } },
  })
  lab.spawn('one')
  await lab.start('fragile', {}, 'r1')
  const { status, error } = await lab.ended('r1')
  expect([status, error!.name, error!.message]).toEqual(['failed', 'TypeError', 'broken'])
  const times = lab.done('Break')
  expect(times.map(({ attempt }) => attempt)).toEqual([1, 2, 3, 4])
  const pauses = times.slice(1).map(({ at }, index) => at - times[index]!.at)
  for (const [index, pause] of pauses.entries()) {
    expect(pause >= 10_000 * 2 ** index).toBe(true)
    expect(pause <= 10_000 * 2 ** index * 1.25 + 11).toBe(true)
  }
})

test.each([
  ['an error that says so', () => { throw new NonRetryableError('no') }, 1],
  ['a conflict may pass', () => { throw new ConflictError('busy') }, 3],
  ['retryAfter is kept to', () => { throw Object.assign(new Error('later'), { retryAfter: '1h' }) }, 3],
])('retries: %s', async (_, fail, attempts) => {
  const lab = createLab({
    workflows: { one: async (workflow) => workflow.do('Do', 'fail' as never, {} as never, { retries: 2, retryDelay: 0 }) }, steps: { fail },
  })
  lab.spawn('one')
  await lab.start('one', {}, 'r1')
  expect((await lab.ended('r1')).status).toBe('failed')
  expect(lab.done('Do').length).toBe(attempts)
  if (_.startsWith('retryAfter')) expect(lab.done('Do')[1]!.at - lab.done('Do')[0]!.at >= 3_600_000).toBe(true)
})

test('an error caught by the code is what it was, and what undoes the step has run with its input', async () => {
  const undone: unknown[] = []
  const lab = createLab({
    workflows: {
      book: async (workflow) => {
        try {
          await workflow.do('Charge', 'charge' as never, { amount: 5 } as never, { retries: 0, onError: 'refund' as never })
        } catch (error) {
          return { caught: error instanceof ConflictError, message: (error as Error).message }
        }
        return {}
      },
    },
    steps: { charge: () => { throw new ConflictError('declined') }, refund: (data) => { undone.push(data) } },
  })
  lab.spawn('one')
  await lab.start('book', {}, 'r1')
  expect((await lab.ended('r1')).output).toEqual({ caught: true, message: 'declined' })
  expect(undone).toEqual([{ amount: 5 }])
})

describe('what was done is undone when a run comes to nothing', () => {
  const made = (end: Code, more: Record<string, Step> = {}) => {
    const undone: unknown[] = []
    const lab = createLab({
      workflows: {
        trip: async (workflow, data, reached) => {
          await workflow.do('Hotel', 'book' as never, { what: 'hotel' } as never, { compensate: 'unbook' as never })
          await workflow.do('Insurance', 'book' as never, { what: 'insurance' } as never)
          await workflow.all('travel', {
            out: async () => workflow.do('Flight', async () => 'flight 7', { compensate: (flight) => { undone.push(flight) } }),
            back: async () => workflow.do('Train', 'book' as never, { what: 'train' } as never, { compensate: 'unbook' as never }),
          })
          return end(workflow, data, reached)
        },
      },
      steps: { book: () => 'booked', unbook: ({ what }) => { undone.push(what) }, refuse: () => { throw new ConflictError('full') }, ...more },
    })
    return { lab, undone }
  }
  const undos = ({ journal }: Run): string[] => journal.filter(({ kind, phase }) => kind === 'undo' && phase === 'done').map(({ key }) => key)
  const KEYS = ['!undo', 'travel/back/Train, compensated', 'travel/out/Flight, compensated', 'Hotel, compensated']

  test('it fails: in reverse, each with its input, and the error is the run\'s', async () => {
    const { lab, undone } = made(async (workflow) => workflow.do('Pay', 'refuse' as never, {} as never, { retries: 0, compensate: 'unbook' as never }))
    lab.spawn('one')
    await lab.start('trip', {}, 'r1')
    const { status, error, run } = await lab.ended('r1')
    expect([status, error!.message, undone, undos(run)]).toEqual(['failed', 'full', ['train', 'flight 7', 'hotel'], KEYS])
  })
  test('it is cancelled, long after', async () => {
    const { lab, undone } = made(async (workflow) => workflow.sleep('Wait', '30d'))
    const worker = lab.spawn('one')
    await lab.start('trip', {}, 'r1')
    await lab.until(async () => (await lab.run('r1')).head.status === 'waiting')
    await lab.store.cancel('r1', 'no time')
    worker.kick()
    const { status, run } = await lab.ended('r1')
    expect([status, run.head.reason, undone, undos(run)]).toEqual(['cancelled', 'no time', ['train', 'flight 7', 'hotel'], KEYS])
  })
  test('its code never ends after that', async () => {
    const { lab, undone } = made(async (workflow) => { await workflow.sleep('Wait', '30d').catch(() => undefined); return new Promise(() => undefined) })
    const worker = lab.spawn('one')
    await lab.start('trip', {}, 'r1')
    await lab.until(async () => (await lab.run('r1')).head.status === 'waiting')
    await lab.store.cancel('r1', null)
    worker.kick()
    expect([(await lab.ended('r1')).status, undone]).toEqual(['cancelled', ['train', 'flight 7', 'hotel']])
  })
  test('it comes to a good end: nothing is', async () => {
    const { lab, undone } = made(async () => 'home')
    lab.spawn('one')
    await lab.start('trip', {}, 'r1')
    expect([(await lab.ended('r1')).output, undone]).toEqual(['home', []])
  })
  test('one that can\'t be undone is tried again, then told, and the others are', async () => {
    const { lab, undone } = made(async (workflow) => workflow.cancel('rain'), {
      unbook: ({ what }) => { if (what === 'train') throw new Error('no'); undone.push(what) },
    })
    lab.spawn('one')
    await lab.start('trip', {}, 'r1')
    const { status, run } = await lab.ended('r1')
    expect([status, run.head.reason, undone]).toEqual(['cancelled', 'rain (not undone: travel/back/Train)', ['flight 7', 'hotel']])
    expect(lab.done('Train, compensated').length).toBe(4)
  })
  test('a step of which nobody knows whether it was done', async () => {
    const { lab, undone } = made(async (workflow) => workflow.do('Pay', 'die' as never, { what: 'money' } as never, { compensate: 'unbook' as never }), {
      die: () => { lab.dieNext('before'); throw new Error('network') },
    })
    lab.spawn('one')
    await lab.start('trip', {}, 'r1')
    await lab.until(() => lab.done('Pay').length > 0)
    await lab.store.cancel('r1', null)
    const { status } = await lab.ended('r1')
    expect([status, undone]).toEqual(['cancelled', ['money', 'train', 'flight 7', 'hotel']])
  })
  test('both of two steps that fail at once have their own undone', async () => {
    const { lab, undone } = made(async (workflow) => Promise.all(['a', 'b'].map((what) =>
      workflow.do(what, 'refuse' as never, { what } as never, { retries: 0, onError: (what === 'a' ? 'unbook' : 'slow') as never }))), {
      slow: async ({ what }, { attempt }) => { if (attempt < 3) throw new Error('busy'); undone.push(what) },
    })
    lab.spawn('one')
    await lab.start('trip', {}, 'r1')
    const { status, error } = await lab.ended('r1')
    expect([status, error!.message, undone]).toEqual(['failed', 'full', ['a', 'b', 'train', 'flight 7', 'hotel']])
  })
  test('by name, an inline step can\'t be: it has no input', async () => {
    const lab = createLab({ workflows: { w: async (workflow) => workflow.do('A', async () => 1, { compensate: 'unbook' as never }) } })
    lab.spawn('one')
    await lab.start('w', {}, 'r1')
    expect((await lab.ended('r1')).error!.message).toContain('compensate of the inline step "A" is a function')
  })
})

test('parallel steps share a commit, and their results come in the journal\'s order', async () => {
  const order: string[] = []
  const lab = createLab({
    workflows: {
      both: async (workflow) => {
        await Promise.all(['a', 'b', 'c'].map(async (name) => { await workflow.do(name, async () => name); order.push(name) }))
        return workflow.all('branches', {
          left: async () => { await workflow.do('Same', async () => 1); return workflow.do('Same', async () => 2) },
          right: async () => workflow.do('Same', async () => 3),
        })
      },
    },
  })
  lab.spawn('one')
  await lab.start('both', {}, 'r1')
  const { output, run } = await lab.ended('r1')
  expect(output).toEqual({ left: 2, right: 3 })
  expect(run.journal.map(({ key }) => key)).toEqual(['a', 'b', 'c', 'branches/left/Same', 'branches/right/Same', 'branches/left/Same#2'])
  expect(order).toEqual(['a', 'b', 'c'])
})

test('two steps of one name at once are an error of the first run', async () => {
  const lab = createLab({ workflows: { twice: async (workflow) => Promise.all([workflow.do('A', async () => 1), workflow.do('A', async () => 2)]) } })
  lab.spawn('one')
  await lab.start('twice', {}, 'r1')
  const { status, error } = await lab.ended('r1')
  expect([status, error!.message]).toEqual(['failed', expect.stringContaining('Two steps are called "A" at the same time')])
})

describe('approvals and events', () => {
  const asks: Code = async (workflow) => workflow.approval('Manager', { timeout: '3d' })
  const decide = (lab: ReturnType<typeof createLab>, approved: boolean) =>
    lab.deliver('r1', approvalType('Manager'), { approved }, 'approval Manager', 'Manager')

  test.each(['before', 'while'])('a decision that comes %s it is waited for', async (when) => {
    const lab = createLab({ workflows: { asks } })
    await lab.start('asks', {}, 'r1')
    if (when === 'before') expect(await decide(lab, true)).toEqual({ is: 'delivered' })
    lab.spawn('one')
    if (when === 'while') {
      await lab.until(async () => (await lab.run('r1')).head.status === 'waiting')
      expect(await decide(lab, true)).toEqual({ is: 'delivered' })
    }
    expect((await lab.ended('r1')).output).toEqual({ approved: true })
  })
  test('the first decision holds, and who decides second is told', async () => {
    const lab = createLab({ workflows: { asks } })
    await lab.start('asks', {}, 'r1')
    await decide(lab, false)
    expect(await decide(lab, true)).toMatchObject({ is: 'duplicate', first: { n: 1 } })
    lab.spawn('one')
    expect((await lab.ended('r1')).output).toEqual({ approved: false })
    expect(await decide(lab, true)).toMatchObject({ is: 'duplicate' })
  })
  test('a decision after the time is told that it is too late', async () => {
    const lab = createLab({ workflows: { asks: async (workflow) => { const got = await workflow.approval('Manager', { timeout: '1h' }); await workflow.sleep('Then', '1h'); return got } } })
    lab.spawn('one')
    await lab.start('asks', {}, 'r1')
    await lab.until(async () => (await lab.run('r1')).journal.some(({ phase }) => phase === 'done'))
    expect(await decide(lab, true)).toMatchObject({ is: 'late' })
    expect((await lab.ended('r1')).output).toEqual({ approved: false, reason: 'expired' })
  })
  test('each event is had once, in the order in which they came; others are left alone', async () => {
    const lab = createLab({
      workflows: { hear: async (workflow) => [await workflow.waitForEvent('A', 'paid'), await workflow.waitForEvent('B', 'paid'), await workflow.waitForEvent('C', 'sent')] },
    })
    await lab.start('hear', {}, 'r1')
    await lab.deliver('r1', eventType('sent'), 'x')
    for (const n of [1, 2]) await lab.deliver('r1', eventType('paid'), n)
    lab.spawn('one')
    expect((await lab.ended('r1')).output).toEqual([1, 2, 'x'])
  })
  test('an event that doesn\'t come in time is an error that can be caught', async () => {
    const lab = createLab({
      workflows: { hear: async (workflow) => workflow.waitForEvent('A', 'paid', { timeout: '1h' }).catch((error: Error) => error.name) },
    })
    lab.spawn('one')
    await lab.start('hear', {}, 'r1')
    expect((await lab.ended('r1')).output).toBe('WaitTimeoutError')
  })
})

describe('the end that is asked for', () => {
  test('of a waiting run: code may tidy up, and starts no step', async () => {
    const tidied: string[] = []
    const lab = createLab({
      workflows: {
        long: async (workflow) => {
          try {
            await workflow.sleep('Long', '30d')
          } finally {
            tidied.push(await workflow.do('More', 'more' as never, {} as never).catch((error: Error) => error.name) as never)
          }
        },
      },
      steps: { more: () => 1 },
    })
    const worker = lab.spawn('one')
    await lab.start('long', {}, 'r1')
    await lab.until(async () => (await lab.run('r1')).head.status === 'waiting')
    await lab.store.cancel('r1', 'not needed')
    worker.cancel('r1')
    const { status, run } = await lab.ended('r1')
    expect([status, run.head.reason, tidied, lab.ledger]).toEqual(['cancelled', 'not needed', ['RunCancelledError'], []])
    expect(await lab.store.cancel('r1', 'again')).toMatchObject({ status: 'cancelled', reason: 'not needed' })
  })
  test('code that doesn\'t end is ended', async () => {
    const lab = createLab({ workflows: { hangs: async (workflow) => { await workflow.sleep('x', '1d').catch(() => undefined); await new Promise(() => undefined) } } })
    const worker = lab.spawn('one')
    await lab.start('hangs', {}, 'r1')
    await lab.until(async () => (await lab.run('r1')).head.status === 'waiting')
    await lab.store.cancel('r1', 'now')
    worker.kick()
    expect((await lab.ended('r1')).status).toBe('cancelled')
  })
  test('by itself', async () => {
    const lab = createLab({ workflows: { one: async (workflow) => workflow.cancel('declined') } })
    lab.spawn('one')
    await lab.start('one', {}, 'r1')
    const { status, run } = await lab.ended('r1')
    expect([status, run.head.reason]).toEqual(['cancelled', 'declined'])
  })
})

test('a child\'s result, or its error, is its parent\'s', async () => {
  const lab = createLab({
    workflows: {
      parent: async (workflow, data) => {
        const good = await workflow.do('Good', 'child' as never, { n: data.n } as never)
        const bad = await workflow.do('Bad', 'child' as never, { n: -1 } as never).catch((error: Error) => error.message)
        return { good, bad }
      },
      child: async (workflow, { n }) => {
        await workflow.sleep('a while', '1h')
        if (n < 0) throw new RangeError('negative')
        return n * 2
      },
    },
  })
  lab.spawn('one')
  await lab.start('parent', { n: 21 }, 'r1')
  expect((await lab.ended('r1')).output).toEqual({ good: 42, bad: 'negative' })
})

describe('code and journal', () => {
  const first: Code = async (workflow) => { await workflow.do('One', async () => 1); await workflow.sleep('Night', '8h'); return workflow.do('Two', 'two' as never, {} as never) }
  const after = async (changed: Code) => {
    const lab = createLab({ workflows: { w: first }, steps: { two: () => 2, other: () => 3 } })
    const old = lab.spawn('old')
    await lab.start('w', {}, 'r1')
    await lab.until(async () => (await lab.run('r1')).head.status === 'waiting')
    await old.stop(AbortSignal.abort())
    lab.spawn('new', { w: changed })
    await lab.until(async () => ['paused', 'completed', 'failed'].includes((await lab.run('r1')).head.status))
    return { lab, run: await lab.run('r1') }
  }
  test.each<[string, Code, string]>([
    ['another kind', async (workflow) => { await workflow.sleep('One', '1s') }, 'the journal\'s entry 1 is the inline step "One" (–), the code asks for the sleep step "One" (–)'],
    ['a step that is gone', async (workflow) => { await workflow.sleep('Night', '8h') }, 'A recorded step was never reached: the journal\'s entry 1 is the inline step "One" (–), the code asks for the sleep step "Night"'],
    ['an early end', async () => 'done', 'the code has ended'],
    ['a failure', async () => { throw new Error('Not my day') }, 'the code has failed: Error: Not my day'],
  ])('part: %s', async (_, changed, reason) => {
    const { run, lab } = await after(changed)
    expect([run.head.status, run.head.reason]).toEqual(['paused', expect.stringContaining(reason)])
    expect(lab.ledger).toEqual([])
    // put right, it goes on
    await lab.store.resume('r1')
    lab.spawn('right', { w: first })
    await lab.until(async () => (await lab.run('r1')).head.status !== 'waiting')
  })
  test('agree where only what comes later has changed', async () => {
    const { run } = await after(async (workflow) => { await workflow.do('One', async () => 9); await workflow.sleep('Night', '1s'); await workflow.do('Three', 'other' as never, {} as never); return 'new' })
    expect(run.head.status).toBe('completed')
  })
  test('a patch is false for what has passed it, true for what comes', async () => {
    const patched: Code = async (workflow) => {
      const isNew = await workflow.patch('greeting')
      await workflow.do('One', async () => 1)
      await workflow.sleep('Night', '8h')
      return [isNew, await workflow.patch('greeting')]
    }
    const { lab } = await after(patched)
    expect((await lab.ended('r1')).output).toEqual([false, false])
    await lab.start('w', {}, 'r2')
    expect((await lab.ended('r2')).run.head.status).toBe('completed')
  })
  test('a patch that everybody has passed may be taken out', async () => {
    const patched: Code = async (workflow) => {
      if (await workflow.patch('greeting')) await workflow.do('One', async () => 1)
      await workflow.sleep('Night', '8h')
    }
    const lab = createLab({ workflows: { w: patched }, steps: {} })
    const old = lab.spawn('old')
    await lab.start('w', {}, 'r1')
    await lab.until(async () => (await lab.run('r1')).head.status === 'waiting')
    await old.stop(AbortSignal.abort())
    lab.spawn('new', { w: async (workflow) => { await workflow.do('One', async () => 2); await workflow.sleep('Night', '8h'); return 'late' } })
    expect((await lab.ended('r1')).output).toBe('late')
  })
  test('time, chance and ids are those of the first time', async () => {
    const lab = createLab({
      workflows: { w: async (workflow) => { const got = [await workflow.now(), await workflow.random(), await workflow.uuid(), await workflow.uuid()]; await workflow.sleep('x', '1d'); return got } },
    })
    lab.spawn('one')
    await lab.start('w', {}, 'r1')
    const { output, run } = await lab.ended('r1')
    expect((output as [Date])[0].getTime()).toBe(run.head.createdAt)
    expect(new Set((output as string[]).slice(2)).size).toBe(2)
  })
})

test('what is under way for longer than a moment is seen, with its input and its attempts', async () => {
  const gate = Promise.withResolvers<string>()
  const lab = createLab({
    workflows: { w: async (workflow) => workflow.do('Long', 'long' as never, { n: 1 } as never, { retryDelay: 0 }) },
    steps: { long: async (_data, { attempt }) => { if (attempt === 1) throw new ConflictError('not yet'); return gate.promise } },
  })
  lab.spawn('one')
  await lab.start('w', {}, 'r1')
  await lab.until(async () => (await lab.run('r1')).underway !== null)
  const run = await lab.run('r1')
  const began = run.head.createdAt
  expect(entriesOf(run).at(-1)).toMatchObject({ key: 'Long', phase: 'open', attempt: 2, input: '{"v":{"n":1}}', kind: 'rpc', fingerprint: 'long' })
  expect(statusOf(run)['steps']).toEqual([{
    step: 'Long', kind: 'rpc', status: 'running', target: 'long', attempt: 2, startedAt: new Date(began),
    attempts: [{ attempt: 1, startedAt: new Date(began), endedAt: new Date(began), error: { code: 'conflict', message: 'not yet' } }],
  }])
  gate.resolve('done')
  const ended = (await lab.ended('r1')).run
  expect([entriesOf(ended).length, ended.journal.map(({ input }) => input)]).toEqual([2, ['{"v":{"n":1}}', '{"v":{"n":1}}']])
})

test('a step that may run once only is not run again after its process died in it', async () => {
  const lab = createLab({
    workflows: { w: async (workflow) => workflow.do('Pay', 'pay' as never, {} as never, { once: true }).catch((error: Error) => error.name) },
    steps: { pay: () => { lab.dieNext('before'); throw new Error('network') } },
  })
  lab.spawn('one')
  await lab.start('w', {}, 'r1')
  const { output } = await lab.ended('r1')
  expect(output).toBe('StepInterruptedError')
  expect(lab.done('Pay').length).toBe(1)
})
