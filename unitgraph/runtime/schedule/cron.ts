/**
 * Times by a five-field expression, in UTC: minute, hour, day of month, month, day of week. Both day fields given, a
 * day of either is meant; that is so where one of them is not exactly `*`, as Cloudflare has it. Sunday is 0 and 7.
 */

const NAMES: readonly (readonly string[])[] = [
  [], [], [], ['', 'JAN', 'FEB', 'MAR', 'APR', 'MAY', 'JUN', 'JUL', 'AUG', 'SEP', 'OCT', 'NOV', 'DEC'],
  ['SUN', 'MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT'],
]
const RANGES: readonly (readonly [number, number])[] = [[0, 59], [0, 23], [1, 31], [1, 12], [0, 7]]

const MINUTE_MS = 60_000
const DAY_MS = 86_400_000
/** The 29th of February is eight years away at most. */
const FARTHEST_DAYS = 8 * 366

const numberOf = (text: string, field: number): number => {
  const named = NAMES[field]?.indexOf(text.toUpperCase()) ?? -1
  return named >= 0 ? named : Number(text)
}

const fieldOf = (text: string, field: number): ReadonlySet<number> => {
  const [low, high] = RANGES[field] ?? [0, 0]
  const found = new Set<number>()
  for (const part of text.split(',')) {
    const [range = '', given] = part.split('/')
    const step = Number(given ?? 1)
    const [from, to] = range === '*' ? [low, high] : (range.split('-').map((end) => numberOf(end, field)) as [number, number?])
    const last = to ?? (given === undefined ? from : high)
    const isWhole = [from, last, step].every(Number.isInteger)
    if (!isWhole || from < low || last < from || last > high || step < 1) throw new RangeError(`${text} is no field of a schedule`)
    for (let value = from; value <= last; value += step) found.add(value)
  }
  return found
}

export interface Cron {
  /** The first time after a time; undefined where there is none. */
  next(afterMs: number): number | undefined
  /** The last time up to a time, and after another. */
  last(upToMs: number, afterMs: number): number | undefined
}

export const parseCron = (expression: string): Cron => {
  const texts = expression.trim().split(/\s+/)
  if (texts.length !== 5) throw new RangeError(`${expression} is no schedule of five fields`)
  const [minutes, hours, days, months, weekdays] = texts.map(fieldOf) as [
    ReadonlySet<number>, ReadonlySet<number>, ReadonlySet<number>, ReadonlySet<number>, ReadonlySet<number>,
  ]
  const times: readonly number[] = [...hours].flatMap((hour) => [...minutes].map((minute) => (hour * 60 + minute) * MINUTE_MS))
    .sort((a, b) => a - b)
  const isAny = { day: texts[2] === '*', weekday: texts[4] === '*' }

  const isDue = (dayMs: number): boolean => {
    const date = new Date(dayMs)
    if (!months.has(date.getUTCMonth() + 1)) return false
    const byDay = days.has(date.getUTCDate())
    const weekday = date.getUTCDay()
    const byWeekday = weekdays.has(weekday) || (weekday === 0 && weekdays.has(7))
    return isAny.day ? byWeekday : isAny.weekday ? byDay : byDay || byWeekday
  }
  const dayOf = (ms: number): number => Math.floor(ms / DAY_MS) * DAY_MS

  return {
    next: (after) => {
      for (let day = dayOf(after), count = 0; count <= FARTHEST_DAYS; day += DAY_MS, count += 1) {
        const time = isDue(day) ? times.find((one) => day + one > after) : undefined
        if (time !== undefined) return day + time
      }
      return undefined
    },
    last: (upTo, after) => {
      for (let day = dayOf(upTo); day + DAY_MS > after; day -= DAY_MS) {
        const time = isDue(day) ? times.findLast((one) => day + one <= upTo) : undefined
        if (time !== undefined) return day + time > after ? day + time : undefined
      }
      return undefined
    },
  }
}
