/** Whether permissions grant a call. The values of an object are alternatives, an array is a conjunction. */
import type { Permissions } from '../types/middleware.ts'

type Check = (services: unknown, data: unknown, wire: unknown) => Promise<boolean> | boolean

const every = async (checks: readonly Check[], args: readonly [unknown, unknown, unknown]): Promise<boolean> => {
  for (const check of checks) if ((await check(...args)) !== true) return false
  return true
}

/** No permissions grant; an empty object has no alternative that could. */
export const granted = async (
  permissions: Permissions | undefined, ...args: readonly [services: unknown, data: unknown, wire: unknown]
): Promise<boolean> => {
  if (permissions === undefined) return true
  if (typeof permissions === 'function') return every([permissions as Check], args)
  if (Array.isArray(permissions)) return every(permissions as Check[], args)
  for (const one of Object.values(permissions)) {
    if (await every((Array.isArray(one) ? one : [one]) as Check[], args)) return true
  }
  return false
}
