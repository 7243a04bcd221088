/** What a Worker is bound to, by name. */
import { NotImplementedError } from '../core/errors.ts'

export type Services = Readonly<Record<string, unknown>>

/** The binding of a name; throws where it is missing, or is something without the method that tells it apart. */
export const bound = <T extends object>(base: Services, binding: string, method: keyof T & string): T => {
  const found = (base['bindings'] as Services)[binding] as T | undefined
  if (typeof found?.[method] === 'function') return found
  throw new NotImplementedError(`${binding} is not bound here: its wrangler.toml has the binding`)
}
