/**
 * How a function is called, the same on every transport: middleware, session, input, permissions, the function.
 * In that order: who has no session learns nothing of the input's form, and a permission sees valid data.
 */
import type { Middleware, Permissions } from '../types/middleware.ts'
import type { Wire } from '../types/wire.ts'
import { createWire, type Call } from './call.ts'
import type { Definition } from './definition.ts'
import { MissingSessionError } from './errors.ts'
import { servicesOfCall, type Services } from './services.ts'
import type { Unit } from './unit.ts'

/** What a wiring adds to its function. */
export interface Around {
  /** What `prepare` made of it, where that is the same for all calls. */
  readonly ready?: Ready | undefined
  readonly auth?: boolean | undefined
  readonly tags?: readonly string[]
  readonly middleware?: readonly Middleware[]
  readonly permissions?: readonly (Permissions | undefined)[]
}

export interface Input {
  readonly data: unknown
  /** Names whose value is text from a path or a query. */
  readonly texts?: ReadonlySet<string>
}

/** Everything that stands around a function under a wiring. */
export interface Ready {
  readonly layers: readonly Middleware[]
  readonly permissions: readonly (Permissions | readonly Permissions[])[]
}

/** Where nothing stands around a unit's functions. */
const BARE: Ready = { layers: [], permissions: [] }

export const prepare = (unit: Unit, definition: Definition, around: Around): Ready =>
  unit.pieces.around?.prepare(unit, definition, around) ?? (refuseAround(unit, [definition, around]), BARE)

/** A unit without the piece for it must not call as if nothing stood around its functions. */
export const refuseAround = (
  { name, options: byTag }: Unit, options: readonly { readonly middleware?: readonly unknown[]; readonly permissions?: unknown }[],
): void => {
  if (byTag.middleware || byTag.permissions || options.some(({ middleware, permissions }) => middleware?.length || [permissions].flat().some(Boolean))) {
    throw new Error(`${name} was built without middleware`)
  }
}

/** `read` gives the input once the session is known to be enough; `begin` is called right before the function. */
export const invoke = (
  unit: Unit, definition: Definition, call: Call, read: () => Input | Promise<Input>, around: Around = NOTHING, begin?: () => void,
): Promise<unknown> => {
  const { built } = unit.host
  if (!built) return unit.host.services().then(() => invoke(unit, definition, call, read, around, begin))
  const services = servicesOfCall(built, call, definition.id)
  const wire = createWire(unit, call, definition.id)
  const { layers, permissions } = around.ready ?? prepare(unit, definition, around)
  const auth = definition.auth || around.auth
  if (layers.length === 0) return perform(unit, definition, call, services, wire, read, permissions, auth, begin)
  return unit.pieces.around!.onion(layers, services, wire, () => perform(unit, definition, call, services, wire, read, permissions, auth, begin))
}

const NOTHING: Around = {}

const perform = async (
  unit: Unit, definition: Definition, call: Call, services: Services, wire: Wire, read: () => Input | Promise<Input>,
  permissions: Ready['permissions'], auth: boolean | undefined, begin?: () => void,
): Promise<unknown> => {
  if (auth && !call.session.value) throw new MissingSessionError()
  const { host, pieces } = unit
  const { data: given, texts } = await read()
  let data = definition.coerce ? pieces.checks!.coerce(given, definition.coerce, texts) : given
  if (definition.input) {
    const asked = definition.input['~standard'].validate(data)
    const first = 'then' in asked ? await asked : asked
    data = first.issues ? await pieces.checks!.repair(definition.input, data, first.issues, texts) : first.value
  }
  const own = host.wireServices && await pieces.owned!.open(host.wireServices, services, wire)
  const all = own ? { ...services, ...own } : services
  try {
    if (permissions.length > 0) await pieces.around!.check(permissions, all, data, wire)
    begin?.()
    const result = await (definition.run
      ? definition.run({ services: all, data, wire, call, unit })
      : definition.func(all as never, data as never, wire as never))
    const checked = definition.output && pieces.outputs!(definition, result, services, host)
    if (checked) await checked
    // what a void function returns by the way is nobody's business
    return definition.kind === 'void' && !(result instanceof Response) ? undefined : result
  } finally {
    if (own) await pieces.owned!.close(own, services)
  }
}
