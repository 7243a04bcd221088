/** `rpc`: calls by name, in this process where the function is here, else through a binding to its unit. */
import type { Rpc } from '../types/wire.ts'
import type { Call } from './call.ts'
import { InternalServerError, NotFoundError, NotImplementedError } from './errors.ts'
import { invoke } from './invoke.ts'
import type { Unit } from './unit.ts'

/** More calls inside calls than this are taken for a loop. */
export const MAX_DEPTH = 32

/** What a function that is called by another one doesn't see of how that was called. */
export const NO_TRANSPORT = {
  transport: 'rpc', http: undefined, channel: undefined, queue: undefined, scheduledTask: undefined, mcp: undefined,
  trigger: undefined, cli: undefined, agent: undefined, workflowStep: undefined, graph: undefined, start: undefined,
} as const

const call = async (
  unit: Unit, outer: Call, name: string, data: unknown, exposed: boolean, away: boolean,
): Promise<unknown> => {
  if (outer.depth >= MAX_DEPTH) {
    throw new InternalServerError(`${name} was not called: ${MAX_DEPTH} calls lie inside each other already`)
  }
  const { remote } = unit.options
  const target = remote && Object.hasOwn(remote.functions, name) ? remote.functions[name] : undefined
  let home: Unit | undefined
  if (!away || !target) home = unit.functions.has(name) ? unit : await unit.host.find?.(name)
  const definition = home?.functions.get(name)
  if (home && definition) {
    if (exposed && (!definition.expose || definition.internal)) throw new NotFoundError(`No function ${name} is exposed`)
    const inner: Call = { ...outer, ...NO_TRANSPORT, depth: outer.depth + 1 }
    return invoke(home, definition, inner, async () => ({ data }))
  }
  if (remote && target) return remote.call(unit, target, name, data, outer, exposed)
  throw new NotFoundError(`No function is called ${name} in ${unit.name} or in the units that it can call`)
}

const later = (what: string) => (): Promise<never> =>
  Promise.reject(new NotImplementedError(`${what} is not available: this unit was built without it`))

export const createRpc = (unit: Unit, outer: Call): Rpc => {
  const by = (exposed: boolean, away: boolean) => (name: string, ...[data]: unknown[]): Promise<never> =>
    call(unit, outer, name, data, exposed, away) as Promise<never>
  const invoke = by(false, false)
  const none = later('rpc.agent')
  return {
    invoke,
    exposed: by(true, false),
    remote: by(false, true),
    startWorkflow: (unit.options.starts?.(unit, outer) ?? later('rpc.startWorkflow')) as Rpc['startWorkflow'],
    agent: unit.options.agents?.(unit, outer, invoke) ?? { run: none, stream: none, resume: none, approve: none },
  }
}
