/**
 * The record of one job's id on Cloudflare, where queues take a message as often as it is sent: a Durable Object an id.
 * Of all messages with the id the first to arrive is run, until it ends; the others are not.
 */

/** The name under which a unit is bound to its records. */
export const LEDGER = 'UNITGRAPH_JOBS'

export interface Claim {
  readonly message: string
  readonly ended?: 'done' | 'given-up'
}

export type Verdict = 'run' | 'duplicate' | 'done'

interface Known {
  readonly message: string
  readonly ended?: Claim['ended']
}
interface Storage {
  get(key: string): Promise<Known | undefined>
  put(key: string, value: Known): Promise<void>
  setAlarm(at: number): Promise<void>
  deleteAll(): Promise<void>
}

const DAY_MS = 86_400_000
/** Longer than any queue keeps a message. */
const LONGEST_MS = 15 * DAY_MS

export class JobLedger {
  readonly #storage: Storage

  constructor(state: { storage: Storage }) {
    this.#storage = state.storage
  }

  async fetch(request: Request): Promise<Response> {
    const claim = (await request.json()) as Claim
    const known = await this.#storage.get('job')
    let verdict: Verdict = 'run'
    if (known && known.message !== claim.message) verdict = 'duplicate'
    else if (claim.ended || !known) {
      await this.#storage.put('job', claim)
      await this.#storage.setAlarm(Date.now() + (claim.ended ? DAY_MS : LONGEST_MS))
    // given up, and yet delivered again: not lost, so run
    } else if (known.ended === 'done') verdict = 'done'
    return Response.json(verdict)
  }

  async alarm(): Promise<void> {
    await this.#storage.deleteAll()
  }
}
