/** What steps of a live run wait for: messages of its inbox, and times. */
import type { Entry, Message, StepKind } from './run.ts'
import type { Waiting } from './steps.ts'
import { readValue } from './values.ts'

const HAVE_MESSAGES: ReadonlySet<StepKind> = /* @__PURE__ */ new Set<StepKind>(['approval', 'event', 'child'])

export interface Waits {
  set(key: string, waiting: Waiting): void
  delete(key: string): void
  has(key: string): boolean
  /** A message that a step has had, as its last word tells, is no other one's. */
  know(entry: Entry): void
  /** Wakes what has its message or whose time is over. */
  wake(inbox: readonly Message[], now: number): void
  nextDue(): number | null
}

export const createWaits = (): Waits => {
  const waits = new Map<string, Waiting>()
  const consumed = new Set<number>()
  return {
    set: (key, waiting) => void waits.set(key, waiting),
    delete: (key) => void waits.delete(key),
    has: (key) => waits.has(key),
    know: ({ phase, kind, value }) => {
      const n = phase === 'done' && HAVE_MESSAGES.has(kind) ? (readValue(value) as { n?: number } | undefined)?.n : undefined
      if (n !== undefined) consumed.add(n)
    },
    wake: (inbox, now) => {
      for (const [key, waiting] of [...waits]) {
        const message = waiting.type === undefined ? undefined
          : inbox.find(({ type, n }) => type === waiting.type && !consumed.has(n))
        const isOver = waiting.until !== null && waiting.until <= now
        if (!message && !isOver) continue
        if (message) consumed.add(message.n)
        waits.delete(key)
        waiting.wake(message)
      }
    },
    nextDue: () => {
      const times = [...waits.values()].map(({ until }) => until).filter((until) => until !== null)
      return times.length > 0 ? Math.min(...times) : null
    },
  }
}
