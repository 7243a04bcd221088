/**
 * What holds a run back though it is due: how many of its key are in hand, and how many of its key have begun of late.
 * Pure, and the law that every store keeps in its `claim`, whether it asks here or says it in its own language.
 */

/** What a run was started with; a key of null has no limit. */
export interface Flow {
  /** Higher ones first. */
  readonly priority: number
  /** Of the runs of a key no more than this are `running`. Those that wait for something are not in hand. */
  readonly concurrencyKey: string | null
  readonly concurrencyLimit: number
  /** A bucket of `rateLimit` tokens, filled evenly within `ratePerMs`; a run's first claim takes one. */
  readonly rateKey: string | null
  readonly rateLimit: number
  readonly ratePerMs: number
  /** For how long it is kept after its end. */
  readonly retentionMs: number
}

export const KEPT_MS = 30 * 86_400_000

/** With nothing that holds it back, but for what is given. */
export const flowOf = ({
  priority = 0, concurrencyKey = null, concurrencyLimit = 0, rateKey = null, rateLimit = 0, ratePerMs = 0, retentionMs = KEPT_MS,
}: Partial<Flow>): Flow => ({ priority, concurrencyKey, concurrencyLimit, rateKey, rateLimit, ratePerMs, retentionMs })

/** A key's tokens, as they were at a time. A key without one has all. */
export interface Bucket {
  readonly tokens: number
  readonly at: number
}

/** Arithmetic with fractions must not cost a whole token. */
export const WHOLE = 1 - 1e-6

/** The tokens there are now. */
export const tokensOf = (bucket: Bucket | undefined, { rateLimit, ratePerMs }: Flow, now: number): number =>
  bucket ? Math.min(rateLimit, bucket.tokens + (Math.max(now - bucket.at, 0) * rateLimit) / ratePerMs) : rateLimit

export interface Candidate extends Flow {
  readonly status: string
}

export interface Chooser {
  /** Whether a run that is due may be had now; counted as taken if so. */
  take(run: Candidate): boolean
  /** Keys that a run was refused for: none that comes after it is had. */
  readonly full: ReadonlySet<string>
  readonly empty: ReadonlySet<string>
  /** When the first token comes that a run was refused for; null where none was. */
  readonly tokenAt: number | null
}

/** For one claim, which asks in the order in which runs are to be had. */
export const createChooser = (
  now: number, runningOf: (key: string) => number, bucketOf: (key: string) => Bucket | undefined, keep: (key: string, bucket: Bucket) => void,
): Chooser => {
  const running = new Map<string, number>()
  const full = new Set<string>()
  const empty = new Set<string>()
  let tokenAt: number | null = null

  /** What is in hand of its key; undefined if it can't be one more. */
  const count = (key: string, limit: number): number | undefined => {
    const known = running.get(key) ?? runningOf(key)
    running.set(key, known)
    if (!full.has(key) && known < limit) return known
    full.add(key)
    return undefined
  }
  const pay = (key: string, run: Candidate): boolean => {
    if (empty.has(key)) return false
    const tokens = tokensOf(bucketOf(key), run, now)
    if (tokens >= WHOLE) {
      keep(key, { tokens: tokens - 1, at: now })
      return true
    }
    empty.add(key)
    const at = now + Math.ceil(((WHOLE - tokens) * run.ratePerMs) / run.rateLimit)
    tokenAt = tokenAt === null ? at : Math.min(tokenAt, at)
    return false
  }
  return {
    full, empty,
    take: (run) => {
      // one whose lease is over is counted already
      const key = run.status === 'running' ? null : run.concurrencyKey
      const inHand = key === null ? 0 : count(key, run.concurrencyLimit)
      if (inHand === undefined) return false
      if (run.rateKey !== null && run.status === 'ready' && !pay(run.rateKey, run)) return false
      if (key !== null) running.set(key, inHand + 1)
      return true
    },
    get tokenAt() {
      return tokenAt
    },
  }
}
