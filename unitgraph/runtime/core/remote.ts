/**
 * Calls between units over HTTP: `POST /__unitgraph/rpc/<function>`, with a header that says who calls whom with
 * what and for whom, signed with a secret that all units of a project share. A call can't be forged from outside,
 * changed on its way, sent to another function, or kept for later than its half minute. Here they are answered.
 *
 * A process answers each call once (`Host.isFirst`). Isolates of a Worker have no memory in common, and need none: there a
 * unit has no address, and what reaches it comes through a binding, which nobody can listen to.
 */
import { decode, RPC_PATH } from '../http/path.ts'
import type { UserSession } from '../types/services.ts'
import type { Call } from './call.ts'
import { RPC_SECRET } from './environment.ts'
import type { Errand } from './errand.ts'
import { InternalServerError, NotFoundError, reportError, UnauthorizedError, type ErrorReport } from './errors.ts'
import { logFailure } from './failure.ts'
import { invoke } from './invoke.ts'
import { pack, unpack } from './json.ts'
import { Session } from './session.ts'
import { digest, toText, unseal } from './text.ts'
import { readTrace } from './trace.ts'
import type { Host, Unit } from './unit.ts'

export const HEADER = 'x-unitgraph-call'
export const PURPOSE = 'unitgraph-rpc-1'
/** How much the clocks of two machines may differ. */
const SKEW_S = 5
/** How long a call may take to arrive. */
export const TTL_S = 30

export interface Ticket {
  /** No two calls have the same. */
  id: string
  unit: string
  function: string
  body: string
  session?: UserSession
  exposed?: boolean
  depth: number
  request: string
  issued: number
  expires: number
}

export interface Answer {
  data?: unknown
  /** The session after the call, where the call changed it: null where it ended. */
  session?: UserSession | null
  error?: ErrorReport
}

export const rpcSecret = (host: Host): string => {
  const secret = host.env[RPC_SECRET]
  if (typeof secret === 'string' && secret.length >= 16) return secret
  const fault = secret === undefined ? 'not set' : 'shorter than 16 characters'
  throw new InternalServerError(`${RPC_SECRET} is ${fault}: calls between units are signed with it`)
}

const isTime = ({ issued, expires }: Ticket, now: number): boolean =>
  expires > now - SKEW_S && issued < now + SKEW_S && expires - issued <= TTL_S

export const calledFunction = (path: string): string => decode(path.slice(RPC_PATH.length))

/** Answers a call from another unit. */
export const answerRemote = async (unit: Unit, request: Request, outer: Call): Promise<Response> => {
  try {
    const functionId = calledFunction(new URL(request.url).pathname)
    const ticket = (await unseal(PURPOSE, request.headers.get(HEADER) ?? '', rpcSecret(unit.host))) as Ticket | undefined
    const now = Date.now() / 1000
    // the body of a stranger is not even read
    const isNow = ticket?.id && isTime(ticket, now)
    const isFor = isNow && ticket.unit === unit.name && ticket.function === functionId
    const bytes = isFor ? new Uint8Array(await request.arrayBuffer()) : undefined
    const isGenuine = isFor && bytes && ticket.body === (await digest(bytes))
    if (!isGenuine || unit.host.isFirst?.(ticket.id, ticket.expires + SKEW_S) === false) {
      throw new UnauthorizedError('The call is not signed by a unit of this project, is too old, or was answered')
    }
    const definition = unit.functions.get(functionId)
    if (!definition || (ticket.exposed && (!definition.expose || definition.internal))) {
      throw new NotFoundError(`No function is called ${functionId} in ${unit.name}`)
    }
    const session = new Session(ticket.session)
    const { requestId } = readTrace(request.headers, ticket.request)
    const call: Call = { ...outer, requestId, transport: 'rpc', session, depth: ticket.depth }
    const { data: given, errand } = unpack(toText(bytes)) as { data?: unknown; errand?: Errand }
    if (errand) {
      if (!unit.options.errands) throw new NotFoundError(`${functionId} is not reached through ${errand.wiring}`)
      return unit.options.errands.answer(unit, functionId, given, errand, call)
    }
    const data = await invoke(unit, definition, call, async () => ({ data: given }))
    const changed = session.value !== ticket.session
    return reply(200, { data, ...(changed && { session: session.value ?? null }) })
  } catch (error) {
    const report = reportError(error)
    await logFailure(unit, outer, error, report)
    return reply(report.status, { error: report })
  }
}

const reply = (status: number, answer: Answer): Response =>
  new Response(pack(answer), { status, headers: { 'content-type': 'application/json' } })
