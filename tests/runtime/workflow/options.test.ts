/** What a workflow's options make of each of its runs, and what is wrong with them. */
import { expect, test } from 'bun:test'
import { readFlow } from '../../../unitgraph/runtime/workflow/options.ts'

test('limits are a workflow\'s, or a key\'s of its input', () => {
  const flow = readFlow('ship', {
    concurrency: { limit: 3 }, rate: { limit: 10, per: '1m', key: (data) => (data as { to: string }).to }, priority: () => 7, retention: '2h',
  })
  expect(flow({ to: 'x' })).toEqual({
    priority: 7, concurrencyKey: 'ship', concurrencyLimit: 3, rateKey: 'ship x', rateLimit: 10, ratePerMs: 60_000, retentionMs: 7_200_000,
  })
  expect(readFlow('ship', {})({})).toEqual({
    priority: 0, concurrencyKey: null, concurrencyLimit: 0, rateKey: null, rateLimit: 0, ratePerMs: 0, retentionMs: 30 * 86_400_000,
  })
})

test.each<[string, unknown, string]>([
  ['no limit', { concurrency: { limit: 0 } }, 'ship: concurrency.limit is 0: write a whole number from 1'],
  ['a text for a key', { rate: { limit: 1, per: '1s', key: 'to' } }, 'ship: rate.key is a function of the input: write (data) => data.customerId'],
  ['no time', { rate: { limit: 1, per: 'often' } }, 'ship: rate.per is "often": write milliseconds, or 30s, 5m, 2h, 7d'],
  ['none at all', { rate: { limit: 1, per: 0 } }, 'ship: rate.per is no time'],
  ['kept for nothing', { retention: 0 }, 'ship: retention is no time'],
  ['a fraction', { priority: 0.5 }, 'ship: priority is 0.5: write a whole number'],
])('told when it is read: %s', (_, options, message) => {
  expect(() => readFlow('ship', options as never)).toThrow(message)
})

test('told when a run is started: a key that is none', () => {
  const flow = readFlow('ship', { concurrency: { limit: 1, key: () => undefined as never } })
  expect(() => flow({})).toThrow('ship: concurrency.key gives undefined, not a text or a number')
})
