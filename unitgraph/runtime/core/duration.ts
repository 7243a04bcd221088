/** Durations as people write them. */

const UNITS_MS: Readonly<Record<string, number>> = {
  ms: 1, s: 1000, m: 60_000, min: 60_000, h: 3_600_000, d: 86_400_000,
}

/** Milliseconds of a number of them, or of `30s`, `5m` = `5min`, `2h`, `7d`; NaN where it is neither. */
export const durationMs = (duration: unknown): number => {
  if (typeof duration === 'number') return duration
  const [, amount, unit] = /^(\d+(?:\.\d+)?)\s*(ms|s|min|m|h|d)$/.exec(typeof duration === 'string' ? duration : '') ?? []
  return Number(amount) * (UNITS_MS[unit ?? ''] ?? Number.NaN)
}
