/** Of all messages with a job's id the first to come is run, until it ends; the others are not. Knows marks, no queue. */
import type { Marks } from './marks.ts'

export type Verdict = 'run' | 'duplicate' | 'done'

export interface Ids {
  ask(queue: string, id: string, message: string): Promise<Verdict>
  ended(queue: string, id: string, message: string, as: 'done' | 'given-up'): Promise<void>
}

const DAY_MS = 86_400_000
/** Longer than any queue keeps a message. */
const LONGEST_MS = 15 * DAY_MS

export const createIds = (marks: Marks): Ids => ({
  ask: async (queue, id, message) => {
    const [known, ended] = (await marks.first(`${queue}\n${id}`, message, LONGEST_MS)).split('\n')
    if (known !== message) return 'duplicate'
    // given up, and yet delivered again: not lost, so run
    return ended === 'done' ? 'done' : 'run'
  },
  ended: (queue, id, message, as) => marks.set(`${queue}\n${id}`, `${message}\n${as}`, DAY_MS),
})
