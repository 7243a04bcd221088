/** Whether permissions grant a call. The values of an object are alternatives, an array is a conjunction. */
import type { Permissions } from '../types/middleware.ts'

type Check = (services: unknown, data: unknown, wire: unknown) => Promise<boolean> | boolean

/** No permissions grant; an object without alternatives has none that could. */
export const granted = async (
  permissions: Permissions | readonly Permissions[] | undefined,
  ...args: readonly [services: unknown, data: unknown, wire: unknown]
): Promise<boolean> => {
  if (permissions === undefined) return true
  if (typeof permissions === 'function') return (await (permissions as Check)(...args)) === true
  const all = Array.isArray(permissions)
  for (const one of Object.values(permissions) as Permissions[]) {
    if ((await granted(one, ...args)) !== all) return !all
  }
  return all
}
