/** Token buckets, with a clock that the test turns; who is counted; whose address is believed. */
import { describe, expect, test } from 'bun:test'
import { pikkuSessionlessFunc, rateLimit } from '#pikku'
import { clientAddress } from '../../unitgraph/runtime/server/address.ts'
import { take } from '../../unitgraph/runtime/services/limits/bucket.ts'
import { RateLimitBucket } from '../../unitgraph/runtime/services/limits/object.ts'
import { createRateLimits, rateLimits } from '../../unitgraph/runtime/services/limits/process.ts'
import { serving } from './helpers.ts'

const LIMIT = { limit: 2, windowMs: 1000 }

describe('a bucket', () => {
  test.each<[string, number[], boolean[]]>([
    ['so many at once', [0, 0, 0], [true, true, false]],
    ['another when its time has come, and no sooner', [0, 0, 499, 500, 500], [true, true, false, true, false]],
    ['no more than the limit, however long it waited', [0, 0, 99_000, 99_000, 99_000], [true, true, true, true, false]],
    ['what is refused takes nothing', [0, 0, 100, 200, 300, 500], [true, true, false, false, false, true]],
    ['a clock that goes back gives and takes nothing', [1000, 1000, 0, 400, 500], [true, true, false, false, true]],
  ])('%s', async (_name, times, expected) => {
    const clock = { ms: 0 }
    const limits = createRateLimits(() => clock.ms)
    const got: boolean[] = []
    for (const ms of times) {
      clock.ms = ms
      got.push((await limits.take('a', LIMIT)).allowed)
    }
    expect(got).toEqual(expected)
  })
  test('says what is left, when one is there again, and when all are', () => {
    const [first, one] = take(undefined, LIMIT, 0)
    const [second, two] = take(first, LIMIT, 0)
    const [, three] = take(second, LIMIT, 100)
    expect([one, two, three]).toEqual([
      { allowed: true, remaining: 1, resetMs: 500, retryAfterMs: 0 },
      { allowed: true, remaining: 0, resetMs: 1000, retryAfterMs: 0 },
      { allowed: false, remaining: 0, resetMs: 900, retryAfterMs: 400 },
    ])
  })
  test('is kept by a Durable Object until it would be full', async () => {
    const kept = new Map<string, any>()
    let alarm = 0
    const storage = {
      get: async (key: string) => kept.get(key), put: async (key: string, value: unknown) => void kept.set(key, value),
      setAlarm: async (at: number) => { alarm = at }, deleteAll: async () => kept.clear(),
    }
    const object = new RateLimitBucket({ storage })
    const ask = async () => (await (await object.fetch(new Request('https://x.test/', { method: 'POST', body: JSON.stringify({ limit: 1, windowMs: 60_000 }) }))).json() as any).allowed
    const before = Date.now()
    expect([await ask(), await ask()]).toEqual([true, false])
    expect(alarm > before + 59_000 && alarm <= Date.now() + 60_000).toBe(true)
    await object.alarm()
    expect([kept.size, await ask()]).toEqual([0, true])
  })
})

test('one key of very many pushes out the oldest, and no other', async () => {
  const limits = createRateLimits(() => 0)
  await limits.take('old', LIMIT)
  await limits.take('kept', LIMIT)
  for (let number = 0; number < 99_999; number += 1) await limits.take(`k${number}`, LIMIT)
  expect([(await limits.take('kept', LIMIT)).remaining, (await limits.take('old', LIMIT)).remaining]).toEqual([0, 1])
})

describe('the middleware', () => {
  const say = pikkuSessionlessFunc(async () => 'said')
  test.each<[string, any]>([
    ['no number', { limit: 0, window: '1m' }], ['half a call', { limit: 1.5, window: '1m' }], ['no window', { limit: 1, window: 'soon' }],
    ['a window of an instant', { limit: 1, window: 10 }], ['a name that would break a header', { limit: 1, window: '1m', name: 'a"b' }],
  ])('refuses %s', (_name, options) => {
    expect(() => rateLimit(options)).toThrow('rateLimit: ')
  })
  test('counts each function, and each limit, for itself', async () => {
    const key = () => 'same'
    const app = serving({
      'GET /a': [say, { middleware: [rateLimit({ limit: 1, window: '1h', key }), rateLimit({ limit: 3, window: '1h', key, name: 'more' })] }],
      'GET /b': [say, { middleware: [rateLimit({ limit: 1, window: '1h', key })] }],
    }, {}, { builtins: { rateLimits } })
    const status = async (path: string) => (await app.ask(path)).status
    expect([await status('/a'), await status('/a'), await status('/b'), await status('/b')]).toEqual([200, 429, 200, 429])
  })
  test('a unit that was built without the service says so', async () => {
    const app = serving({ 'GET /': [say, { middleware: [rateLimit({ limit: 1, window: '1h', key: () => 'a' })] }] })
    expect((await app.ask('/')).status).toBe(501)
  })
})

describe('whose address counts', () => {
  test.each<[string, string | undefined, string | null, number, string | undefined]>([
    ['who is at the other end', '10.0.0.1', null, 0, '10.0.0.1'],
    ['whatever it says', '10.0.0.1', '1.1.1.1', 0, '10.0.0.1'],
    ['whom one proxy asked for', '10.0.0.1', '6.6.6.6, 1.1.1.1', 1, '1.1.1.1'],
    ['whom the first of two asked for', '10.0.0.1', '6.6.6.6, 1.1.1.1, 10.0.0.2', 2, '1.1.1.1'],
    ['no further than what is said', '10.0.0.1', '1.1.1.1', 3, '1.1.1.1'],
    ['nothing was said', '10.0.0.1', null, 1, '10.0.0.1'],
    ['nothing but commas', '10.0.0.1', ' , ', 1, '10.0.0.1'],
    ['nobody knows', undefined, null, 0, undefined],
  ])('%s', (_name, peer, header, proxies, expected) => {
    expect(clientAddress(peer, header, proxies)).toBe(expected)
  })
})
