/** Tasks of which no two times run at once, wherever Cloudflare starts them. */
import { loggerOf } from '../core/failure.ts'
import type { Unit } from '../core/unit.ts'
import type { Around } from './cloudflare.ts'
import { LEASES, type Claim } from './lease.ts'

interface Namespace {
  idFromName(name: string): unknown
  get(id: unknown): { fetch(url: string, init: RequestInit): Promise<Response> }
}

/** A Worker that ends without a word is over when it has said nothing for this long. */
const LEASE_MS = 30_000

const ask = async (unit: Unit, task: string, claim: Claim): Promise<boolean> => {
  const leases = unit.host.env[LEASES] as Namespace | undefined
  if (!leases) throw new Error(`${unit.name} has no binding ${LEASES}`)
  const response = await leases.get(leases.idFromName(task)).fetch('https://task/', { method: 'POST', body: JSON.stringify(claim) })
  return (await response.json()) as boolean
}

export const alone = (names: readonly string[]): Around => async (unit, task, atMs, run) => {
  if (!names.includes(task)) return run()
  const logger = await loggerOf(unit)
  if (!(await ask(unit, task, { atMs, forMs: LEASE_MS, begins: true }))) {
    logger.warn('The task was not started: its last run goes on', { task, executionTime: new Date(atMs).toISOString() })
    return true
  }
  const told = (claim: Claim): Promise<unknown> =>
    ask(unit, task, claim).catch((error: unknown) => logger.error(error, { task, code: 'schedule-fault' }))
  const heartbeat = setInterval(() => void told({ atMs, forMs: LEASE_MS }), LEASE_MS / 3)
  try {
    return await run()
  } finally {
    clearInterval(heartbeat)
    await told({ atMs, forMs: 0 })
  }
}
