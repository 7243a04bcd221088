/** Which time of one task runs on Cloudflare, for tasks of which no two may: a Durable Object a task. */

/** The name under which a unit is bound to them. */
export const LEASES = 'UNITGRAPH_TASKS'

export interface Claim {
  readonly atMs: number
  /** For how long it surely runs from now on; 0: it has ended. */
  readonly forMs: number
  /** The time begins with this. */
  readonly begins?: boolean
}

interface Known {
  readonly atMs: number
  readonly untilMs: number
}
interface Storage {
  get(key: string): Promise<Known | undefined>
  put(key: string, value: Known): Promise<void>
}

export class TaskLease {
  readonly #storage: Storage

  constructor(state: { storage: Storage }) {
    this.#storage = state.storage
  }

  /** True: the time is whoever's asked. */
  async fetch(request: Request): Promise<Response> {
    const { atMs, forMs, begins } = (await request.json()) as Claim
    const known = await this.#storage.get('task')
    const isFree = !known || (known.atMs < atMs && known.untilMs <= Date.now())
    const isMine = begins ? isFree : known?.atMs === atMs
    if (isMine) await this.#storage.put('task', { atMs, untilMs: forMs > 0 ? Date.now() + forMs : 0 })
    return Response.json(isMine)
  }
}
