/**
 * How a function is called, the same on every transport: middleware, session, input, permissions, the function.
 * In that order: who has no session learns nothing of the input's form, and a permission sees valid data.
 */
import type { Middleware, Permissions } from '../types/middleware.ts'
import type { Logger } from '../types/services.ts'
import type { Wire } from '../types/wire.ts'
import { createWire, type Call } from './call.ts'
import type { Definition } from './definition.ts'
import { ForbiddenError, MissingSessionError, NotImplementedError } from './errors.ts'
import { onion } from './onion.ts'
import { granted } from './permissions.ts'
import { closeServices, servicesOfCall, type Services } from './services.ts'
import type { Unit } from './unit.ts'
import { coerce, repair } from './validate.ts'

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

/** A call starts what its output is the end of. */
const STARTS = new Set(['workflow', 'workflow-graph'])
const NO_SUCH_KIND = new Set(['workflow', 'workflow-graph', 'agent', 'trigger'])

/**
 * Outermost first: what is for all, then the wiring's, which knows the request and may find out who sent it, then
 * the tags' and the function's own, which see that session.
 */
export const layersOf = (
  unit: Unit, tags: readonly string[], around: Around, own: readonly Middleware[] = [],
): readonly Middleware[] => {
  const { middleware } = unit.options
  return [...tagged(middleware, ['*']), ...(around.middleware ?? []), ...tagged(middleware, tags), own].flat()
}

/** All of them must grant. */
export const permissionsOf = (unit: Unit, definition: Definition, { tags = [], permissions = [] }: Around = {}) =>
  [...tagged(unit.options.permissions, ['*', ...tags, ...definition.tags]), ...permissions, definition.permissions]

/** What a table has for each tag, once. */
const tagged = <T>(table: Readonly<Record<string, T>> | undefined, tags: readonly string[]): T[] =>
  table === undefined ? [] : [...new Set(tags)].flatMap((tag) => (Object.hasOwn(table, tag) ? [table[tag] as T] : []))

/** Everything that stands around a function under a wiring. */
export interface Ready {
  readonly layers: readonly Middleware[]
  readonly permissions: readonly (Permissions | readonly Permissions[])[]
}

export const prepare = (unit: Unit, definition: Definition, around: Around): Ready => ({
  layers: layersOf(unit, [...(around.tags ?? []), ...definition.tags], around, definition.middleware),
  permissions: permissionsOf(unit, definition, around).filter((needed) => needed !== undefined),
})

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
  return onion(layers, services, wire, () => perform(unit, definition, call, services, wire, read, permissions, auth, begin))
}

const NOTHING: Around = {}

const perform = async (
  unit: Unit, definition: Definition, call: Call, services: Services, wire: Wire, read: () => Input | Promise<Input>,
  permissions: Ready['permissions'], auth: boolean | undefined, begin?: () => void,
): Promise<unknown> => {
  if (auth && !call.session.value) throw new MissingSessionError()
  if (!definition.run && NO_SUCH_KIND.has(definition.kind)) {
    throw new NotImplementedError(`${definition.id} is a ${definition.kind}, which this runtime can't run yet`)
  }
  const { data: given, texts } = await read()
  let data = definition.coerce ? coerce(given, definition.coerce, texts) : given
  if (definition.input) {
    const asked = definition.input['~standard'].validate(data)
    const first = 'then' in asked ? await asked : asked
    data = first.issues ? await repair(definition.input, data, first.issues, texts) : first.value
  }
  const { host } = unit
  const own = host.wireServices && ((await host.wireServices(services as never, wire as never)) ?? {}) as Services | undefined
  const all = own ? { ...services, ...own } : services
  try {
    for (const needed of permissions) {
      if (!(await granted(needed, all, data, wire))) throw new ForbiddenError()
    }
    begin?.()
    const result = await (definition.run
      ? definition.run({ services: all, data, wire, call, unit })
      : definition.func(all as never, data as never, wire as never))
    if (host.development && !STARTS.has(definition.kind)) await checkOutput(definition, result, services['logger'] as Logger)
    // what a void function returns by the way is nobody's business
    return definition.kind === 'void' && !(result instanceof Response) ? undefined : result
  } finally {
    if (own) await closeServices(own, services['logger'] as Logger, services)
  }
}

/** In development only: a wrong output is the function's fault, not the caller's. */
const checkOutput = async ({ id, output }: Definition, result: unknown, logger: Logger): Promise<void> => {
  if (!output || result instanceof Response) return
  const { issues } = await output['~standard'].validate(result)
  if (issues) {
    logger.error(`The output of ${id} is not what its schema says`, { issues })
    throw new TypeError(`The output of ${id} is not what its schema says`)
  }
}
