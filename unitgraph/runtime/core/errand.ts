/**
 * A gateway's call of a function, wherever that function's unit runs: with a wire that the gateway lends, and under the
 * options of the wiring that it comes from, which the function's unit holds. Knows no gateway.
 */
import type { Middleware, Permissions } from '../types/middleware.ts'
import type { Transport } from '../types/wire.ts'
import { together } from './around.ts'
import type { Call } from './call.ts'
import type { Definition } from './definition.ts'
import { InternalServerError, NotFoundError } from './errors.ts'
import { invoke } from './invoke.ts'
import type { Unit } from './unit.ts'

/** What of an errand goes to another unit. */
export interface Errand {
  readonly transport: Transport
  /** Which wiring it comes from: `mcp tool search`, `channel chat action=join`. */
  readonly wiring: string
  /** The wire's name, and what is known of it. */
  readonly wire?: { readonly name: LentName; readonly state: unknown }
  /** What else is known of the call: data, of which no use reaches anybody. */
  readonly known?: Pick<Call, 'workflowStep' | 'start' | 'cli' | 'fields'>
  /** Names of the data whose values are texts, whatever the function expects there. */
  readonly texts?: readonly string[]
  /** Asks what the function takes and gives, and doesn't call it. */
  readonly describes?: boolean
}

/** The wires of a call that a gateway can lend. */
export type LentName = 'channel' | 'mcp' | 'agent' | 'graph'

/** Happens at the gateway when the function uses the wire: a method's name and what it was given. */
export type Use = (method: string, args: readonly unknown[]) => void | Promise<void>

/** Makes a wire of what is known of it; `use` reaches the gateway. */
export type WireFactory = (state: never, use: Use) => unknown

/** What a wiring says that holds for each call through it. */
export interface WiringOptions {
  readonly auth?: boolean
  readonly tags?: readonly string[]
  readonly middleware?: readonly Middleware[]
  readonly permissions?: Permissions<unknown>
}

export interface ErrandOptions {
  /** By the wire's name. */
  readonly wires: Readonly<Partial<Record<LentName, WireFactory>>>
  /** By the wiring that an errand comes from: option objects, outermost first. */
  readonly wirings: Readonly<Record<string, readonly WiringOptions[]>>
  /** Where gateways tell others what a function's own schemas say. */
  readonly describe?: (definition: Definition) => unknown
}

/** In a unit whose functions are reached through gateways. */
export interface Errands extends ErrandOptions {
  answer(unit: Unit, functionId: string, data: unknown, errand: Errand, call: Call): Response
}

/** Runs it in the unit that has the function. An internal function is reached through nothing. */
export const runErrand = async (
  unit: Unit, functionId: string, data: unknown, errand: Errand, use: Use, call: Call,
): Promise<unknown> => {
  const definition = unit.functions.get(functionId)
  const { errands } = unit.options
  // a step of a workflow is called from inside
  const isOpen = definition && (!definition.internal || errand.transport === 'workflow')
  if (!isOpen || !errands || !Object.hasOwn(errands.wirings, errand.wiring)) {
    throw new NotFoundError(`${functionId} of ${unit.name} is not reached through ${errand.wiring}`)
  }
  if (errand.describes) return errands.describe?.(definition)
  const { transport, wire, texts, known } = errand
  const make = wire && errands.wires[wire.name]
  if (wire && !make) throw new InternalServerError(`${unit.name} was built without the wire ${wire.name}`)
  const inner: Call = { ...call, ...known, transport, ...(wire && make && { [wire.name]: make(wire.state as never, use) }) }
  return invoke(unit, definition, inner, async () => ({ data, ...(texts && { texts: new Set(texts) }) }), together(errands.wirings[errand.wiring] ?? []))
}
