/** Middleware and permissions: what stands around a function, by its tags, its wiring and its own options. */
import type { Middleware, Permissions } from '../types/middleware.ts'
import type { Definition } from './definition.ts'
import { ForbiddenError } from './errors.ts'
import type { Around, Ready } from './invoke.ts'
import { onion } from './onion.ts'
import { granted } from './permissions.ts'
import type { Unit } from './unit.ts'

interface Options {
  readonly auth?: boolean | undefined
  readonly tags?: readonly string[]
  readonly middleware?: readonly Middleware[]
  readonly permissions?: unknown
}

/** What a wiring's groups and itself say, outermost first. */
export const together = (options: readonly Options[]): Around => ({
  auth: options.findLast(({ auth }) => auth !== undefined)?.auth,
  tags: options.flatMap(({ tags = [] }) => tags),
  middleware: options.flatMap(({ middleware = [] }) => middleware),
  permissions: options.map(({ permissions }) => permissions as Permissions | undefined),
})

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

const prepare = (unit: Unit, definition: Definition, around: Around): Ready => ({
  layers: layersOf(unit, [...(around.tags ?? []), ...definition.tags], around, definition.middleware),
  permissions: permissionsOf(unit, definition, around).filter((needed) => needed !== undefined),
})

const check = async (
  permissions: Ready['permissions'], ...args: readonly [services: unknown, data: unknown, wire: unknown]
): Promise<void> => {
  for (const needed of permissions) {
    if (!(await granted(needed, ...args))) throw new ForbiddenError()
  }
}

export const around = { together, prepare, onion, check }
