/** The one form that every authored function has, and what a unit adds to it. */
import type { FunctionKind, PikkuFunction } from '../types/function.ts'
import type { Wire } from '../types/wire.ts'
import type { Call } from './call.ts'
import type { Services } from './services.ts'
import type { Unit } from './unit.ts'
import type { Middleware, Permissions } from '../types/middleware.ts'
import type { StandardSchema } from '../types/schema.ts'

export type Handler = (services: never, data: never, wire: never) => unknown

/** Stands for what nobody wrote: the body of an agent. */
export type Runner = (parts: {
  readonly services: Services
  readonly data: unknown
  readonly wire: Wire
  readonly call: Call
  readonly unit: Unit
}) => unknown

/** How a path's or a query's text becomes what the function expects. */
export type Coercion = 'number' | 'boolean' | 'array' | 'bigint' | 'date'

/** A function as a unit's entry names it. */
export interface FunctionEntry {
  value: unknown
  /** Derived from the function's types, where it has no schema of its own. */
  input?: StandardSchema
  coerce?: Readonly<Record<string, Coercion>>
  expose?: boolean
  internal?: boolean
  auth?: boolean
  tags?: readonly string[]
  run?: Runner
}

export interface Definition {
  readonly id: string
  readonly kind: FunctionKind
  readonly func: Handler
  readonly run: Runner | undefined
  readonly input: StandardSchema | undefined
  readonly output: StandardSchema | undefined
  readonly coerce: FunctionEntry['coerce']
  readonly auth: boolean
  readonly permissions: Permissions | undefined
  readonly middleware: readonly Middleware[]
  readonly tags: readonly string[]
  readonly expose: boolean
  readonly internal: boolean
}

/* @__NO_SIDE_EFFECTS__ */
export const author =
  (kind: FunctionKind) =>
  (written: Handler | Partial<PikkuFunction>): PikkuFunction =>
    ({ ...(typeof written === 'function' ? { func: written } : written), kind }) as PikkuFunction

/** Workflows, agents and sources of triggers are run by what their units hold for that. */
const refusing = (id: string, kind: FunctionKind): Runner | undefined => /^[wat]/.test(kind)
  ? () => { throw new Error(`No ${kind} runs here: ${id}`) }
  : undefined

export const define = (id: string, entry: FunctionEntry): Definition => {
  const written = entry.value
  const made = (typeof written === 'function' ? { func: written, kind: 'sessionless' } : written) as PikkuFunction
  if (!made?.kind) throw new Error(`${id} is not an authored function: write pikkuFunc(...) or another of its kind`)
  return {
    id,
    kind: made.kind,
    func: made.func,
    run: entry.run ?? refusing(id, made.kind),
    input: made.input ?? entry.input,
    output: made.output,
    coerce: entry.coerce,
    auth: made.auth ?? entry.auth ?? (made.kind === 'func' || made.kind === 'list'),
    permissions: made.permissions,
    middleware: made.middleware ?? [],
    tags: made.tags ?? entry.tags ?? [],
    expose: made.expose ?? entry.expose ?? false,
    internal: made.internal ?? entry.internal ?? false,
  }
}
