/**
 * The account of Cloudflare's that the server unit pulls from here: the HTTP interface to queues that
 * `runtime/server/pull-api.ts` asks (https://developers.cloudflare.com/queues/configuration/pull-consumers/), in front
 * of the queues of this machine. Knows who has which job; runs none, and decides nothing about one.
 */
import type { Claimed } from '../../../runtime/server/jobs.ts'
import { ACCOUNT, BASE, TOKEN } from '../../../runtime/server/pull-api.ts'
import type { Jobs, Sent } from './jobs.ts'

type Environment = Readonly<Record<string, string>>

export interface Account {
  /** What another version of the server unit is told. The newest that serves, or has asked for jobs, is given them. */
  admit(env: Environment): Environment
  /** A process with this environment serves: those before it, which are to end, are given nothing that they would only hand back. */
  serves(env: Environment): void
  /** The project's queues by their names in the account, and whether the server unit takes from them. */
  configure(queues: Readonly<Record<string, boolean>>): void
  /** A process with this environment has ended: what it had comes again. `wasMeant`: it didn't end by a job. */
  gone(env: Environment, wasMeant: boolean): Promise<void>
  /** Gives no more jobs away; what becomes of those that were given is still heard. */
  rest(): void
  stop(): Promise<void>
}

/** One process. */
interface Caller {
  readonly edition: number
  isHere: boolean
  readonly leases: Map<string, { readonly job: Claimed; readonly untilMs: number }>
}

interface Asked {
  readonly batch_size: number
  readonly visibility_timeout_ms: number
  readonly acks: readonly { lease_id: string }[]
  readonly retries: readonly { lease_id: string; delay_seconds: number }[]
  readonly body: unknown
  readonly content_type?: 'text' | 'json'
  readonly delay_seconds?: number
}

/** How long a request for jobs waits for one; Cloudflare answers at once, and is asked seldom. */
const HOLD_MS = 1000
const PAUSE = { UNITGRAPH_PULL_WAIT: '0.05' }
/** Longer than a process must live in order to be started again when it ends by itself. */
const AFTER_CRASH_MS = 3000
const PATH = /^\/client\/v4\/accounts\/[^/]+\/queues(?:\/([^/]+)\/messages(\/pull|\/ack)?)?$/

declare const Bun: {
  serve(options: { hostname: string; port: number; idleTimeout: number; fetch: (request: Request) => Promise<Response> }): {
    readonly port: number
    stop(now: boolean): unknown
  }
}

const base64 = (text: string): string => btoa(Array.from(new TextEncoder().encode(text), (byte) => String.fromCharCode(byte)).join(''))
/** Text as it is, all else in base64, as bytes are already. */
const written = ({ type, body }: Sent): string =>
  type === 'json' ? base64(JSON.stringify(body ?? null)) : String(body)

const answer = (status: number, result: unknown, message?: string): Response =>
  Response.json({ success: status === 200, result, messages: [], errors: message === undefined ? [] : [{ code: status, message }] }, { status })

export const createAccount = (jobs: Jobs): Account => {
  /** By their tokens. */
  const callers = new Map<string, Caller>()
  let queues: Readonly<Record<string, boolean>> = {}
  let editions = 0
  let isResting = false
  /** Somebody else is given jobs, or nobody is any more. */
  let moved = Promise.withResolvers<void>()

  const move = (): void => {
    moved.resolve()
    moved = Promise.withResolvers()
  }
  const isNewest = ({ edition, isHere }: Caller): boolean =>
    isHere && ![...callers.values()].some((other) => other.isHere && other.edition > edition)

  const pull = async (caller: Caller, queue: string, { batch_size: most, visibility_timeout_ms: leaseMs }: Asked): Promise<object> => {
    if (!caller.isHere) move()
    caller.isHere = true
    let isLate = false
    const { promise: late, resolve } = Promise.withResolvers<void>()
    const timer = setTimeout(() => {
      isLate = true
      resolve()
    }, HOLD_MS)
    let found: Awaited<ReturnType<Jobs['pull']>> = []
    while (!isResting && queues[queue] === true && isNewest(caller)) {
      const waits = [jobs.stirred(queue), moved.promise, late]
      found = await jobs.pull(queue, most, leaseMs)
      if (found.length > 0 || isLate) break
      await Promise.race(waits)
    }
    clearTimeout(timer)
    const now = Date.now()
    for (const [lease, { untilMs }] of caller.leases) if (untilMs < now) caller.leases.delete(lease)
    return {
      messages: found.map(({ job, message }) => {
        const lease = crypto.randomUUID()
        caller.leases.set(lease, { job, untilMs: now + leaseMs })
        return {
          id: job.id, body: written(message), attempts: job.attempt, lease_id: lease, timestamp_ms: now,
          metadata: { 'CF-Content-Type': message.type },
        }
      }),
    }
  }

  const settle = async ({ leases }: Caller, { acks, retries }: Asked): Promise<object> => {
    const ended = [...acks.map((one) => ({ ...one, delay_seconds: undefined })), ...retries]
    for (const { lease_id: lease, delay_seconds: delayS } of ended) {
      const known = leases.get(lease)
      if (known) await (delayS === undefined ? jobs.done(known.job) : jobs.retry(known.job, delayS * 1000, true))
      leases.delete(lease)
    }
    return { ackCount: acks.length, retryCount: retries.length, warnings: [] }
  }

  const send = async (queue: string, { body, content_type: type = 'json', delay_seconds: delaySeconds = 0 }: Asked): Promise<object> => {
    await jobs.add(queue, [{ type, body, delaySeconds }])
    return {}
  }

  const handle = async (request: Request): Promise<Response> => {
    const caller = callers.get(request.headers.get('authorization')?.replace(/^Bearer /, '') ?? '')
    if (!caller) return answer(401, null, 'Authentication error')
    const { pathname, searchParams } = new URL(request.url)
    const [is, queue, act] = PATH.exec(pathname) ?? []
    if (is !== undefined && queue === undefined) {
      const [page, size] = [Number(searchParams.get('page') ?? 1), Number(searchParams.get('per_page') ?? 100)]
      const listed = Object.keys(queues).slice((page - 1) * size, page * size)
      return answer(200, listed.map((name) => ({ queue_id: name, queue_name: name })))
    }
    if (queue === undefined || !Object.hasOwn(queues, queue)) return answer(404, null, `There is no queue ${queue}`)
    const asked = (await request.json()) as Asked
    if (act === '/pull') return answer(200, await pull(caller, queue, asked))
    return answer(200, await (act === '/ack' ? settle(caller, asked) : send(queue, asked)))
  }

  const server = Bun.serve({
    hostname: '127.0.0.1', port: 0, idleTimeout: 0,
    fetch: (request) => handle(request).catch((error: unknown) => answer(500, null, error instanceof Error ? error.message : String(error))),
  })

  return {
    admit: (env) => {
      const token = crypto.randomUUID()
      callers.set(token, { edition: (editions += 1), isHere: false, leases: new Map() })
      return {
        ...env, [BASE]: `http://127.0.0.1:${server.port}/client/v4`, [ACCOUNT]: env[ACCOUNT] || 'dev', [TOKEN]: token, ...PAUSE,
      }
    },
    serves: ({ [TOKEN]: token = '' }) => {
      const caller = callers.get(token)
      if (caller) caller.isHere = true
      move()
    },
    configure: (found) => {
      queues = found
      move()
    },
    gone: async ({ [TOKEN]: token = '' }, wasMeant) => {
      const caller = callers.get(token)
      if (!caller) return
      caller.isHere = false
      if (wasMeant) callers.delete(token)
      else callers.set(token, { edition: caller.edition, isHere: false, leases: new Map() })
      move()
      for (const { job } of caller.leases.values()) await jobs.retry(job, wasMeant ? 0 : AFTER_CRASH_MS, !wasMeant)
    },
    rest: () => {
      isResting = true
      move()
    },
    stop: async () => void (await server.stop(true)),
  }
}
