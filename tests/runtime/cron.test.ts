import { describe, expect, test } from 'bun:test'
import { parseCron } from '../../unitgraph/runtime/schedule/cron.ts'

const at = (text: string): number => Date.parse(`${text}Z`)
const iso = (ms: number | undefined): string | undefined => (ms === undefined ? undefined : new Date(ms).toISOString().slice(0, 16))

describe('the next time', () => {
  test.each<[string, string, string]>([
    ['* * * * *', '2026-03-01T10:00', '2026-03-01T10:01'],
    ['* * * * *', '2026-03-01T10:00:59.999', '2026-03-01T10:01'],
    ['*/15 * * * *', '2026-12-31T23:50', '2027-01-01T00:00'],
    ['5/20 * * * *', '2026-01-01T00:26', '2026-01-01T00:45'],
    ['0 3 * * *', '2026-03-29T03:00', '2026-03-30T03:00'],
    ['30 4 * * 1-5', '2026-07-31T05:00', '2026-08-03T04:30'],
    ['30 4 * * 0', '2026-07-31T05:00', '2026-08-02T04:30'],
    ['30 4 * * 7', '2026-07-31T05:00', '2026-08-02T04:30'],
    ['30 4 * * 5-7', '2026-08-01T05:00', '2026-08-02T04:30'],
    ['30 4 * * FRI-sat', '2026-07-31T05:00', '2026-08-01T04:30'],
    ['0 0 1 * *', '2026-01-31T12:00', '2026-02-01T00:00'],
    ['0 0 31 * *', '2026-02-01T00:00', '2026-03-31T00:00'],
    ['0 0 29 2 *', '2096-03-01T00:00', '2104-02-29T00:00'],
    ['0 0 13 * 5', '2026-07-01T00:00', '2026-07-03T00:00'],
    ['0 0 13 * 5', '2026-07-11T00:00', '2026-07-13T00:00'],
    ['0 0 */10 * mon', '2026-07-01T00:01', '2026-07-06T00:00'],
    ['0 0 1 JAN,jul *', '2026-01-01T00:00', '2026-07-01T00:00'],
    ['0,30 9-17/4 * * *', '2026-01-01T09:30', '2026-01-01T13:00'],
  ])('%s after %s is %s', (expression, after, expected) => {
    expect(iso(parseCron(expression).next(at(after)))).toBe(expected)
  })
  test('there is none for a day that never comes', () => {
    expect(parseCron('0 0 30 2 *').next(at('2026-01-01'))).toBe(undefined)
  })
})

describe('the last time', () => {
  test.each<[string, string, string, string | undefined]>([
    ['0 3 * * *', '2026-03-03T04:00', '2026-03-01T03:00', '2026-03-03T03:00'],
    ['0 3 * * *', '2026-03-03T03:00', '2026-03-01T03:00', '2026-03-03T03:00'],
    ['0 3 * * *', '2026-03-03T02:59', '2026-03-02T03:00', undefined],
    ['0 0 1 * *', '2026-03-03T00:00', '2026-01-15T00:00', '2026-03-01T00:00'],
    ['0 0 29 2 *', '2027-01-01T00:00', '2020-01-01T00:00', '2024-02-29T00:00'],
  ])('%s up to %s and after %s is %s', (expression, upTo, after, expected) => {
    expect(iso(parseCron(expression).last(at(upTo), at(after)))).toBe(expected)
  })
})

test.each(['* * * *', '60 * * * *', '* 24 * * *', '* * 0 * *', '* * * 13 *', '* * * * 8', '5-1 * * * *', '*/0 * * * *', 'a * * * *', '', '@daily', '1.5 * * * *'])(
  '%s is no schedule', (expression) => {
    expect(() => parseCron(expression)).toThrow()
  },
)

/** What cron means, said without any cleverness: every minute is looked at. */
const matches = (expression: string, ms: number): boolean => {
  const date = new Date(ms)
  const [minute, hour, day, month, weekday] = expression.split(' ') as [string, string, string, string, string]
  const inside = (text: string, low: number, high: number, value: number): boolean => text.split(',').some((part) => {
    const [range = '', step = '1'] = part.split('/')
    const [from, to] = range === '*' ? [low, high] : range.includes('-') ? range.split('-').map(Number) as [number, number] : [Number(range), part.includes('/') ? high : Number(range)]
    return value >= from && value <= to && (value - from) % Number(step) === 0
  })
  const byDay = inside(day, 1, 31, date.getUTCDate())
  const byWeekday = inside(weekday, 0, 7, date.getUTCDay()) || (date.getUTCDay() === 0 && inside(weekday, 0, 7, 7))
  const isDay = day === '*' ? byWeekday : weekday === '*' ? byDay : byDay || byWeekday
  return inside(minute, 0, 59, date.getUTCMinutes()) && inside(hour, 0, 23, date.getUTCHours()) && inside(month, 1, 12, date.getUTCMonth() + 1) && isDay
}

test('next and last are the nearest minutes that match, for a thousand schedules', () => {
  let seed = 7
  const below = (most: number): number => {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648
    return seed % most
  }
  const field = (low: number, high: number): string => {
    const one = (): number => low + below(high - low + 1)
    const [a, b] = [one(), one()].sort((x, y) => x - y) as [number, number]
    return ['*', '*', String(a), `${a}-${b}`, `${a},${b}`, `*/${1 + below(high)}`, `${a}-${b}/${1 + below(5)}`, `${a}/${1 + below(9)}`][below(8)]!
  }
  for (let count = 0; count < 1000; count += 1) {
    const expression = [field(0, 59), field(0, 23), field(1, 28), field(1, 12), field(0, 7)].join(' ')
    const start = Date.UTC(2024, below(12), 1 + below(28), below(24), below(60))
    const cron = parseCron(expression)
    const next = cron.next(start)!
    expect(matches(expression, next), `${expression} at ${iso(next)}`).toBe(true)
    // between the two nothing matches: looked at hour by hour's minutes, two days at most
    const end = Math.min(next, start + 2 * 86_400_000)
    for (let ms = start + 60_000; ms < end; ms += 60_000) expect(matches(expression, ms), `${expression} skipped ${iso(ms)}`).toBe(false)
    expect(cron.last(next + 59_000, start)).toBe(next)
    expect(cron.last(next - 1, start)).toBe(undefined)
  }
})
