/** What was added for patterns of paths. */
import { PatternRouter } from 'hono/router/pattern-router'
import type { Around } from '../core/invoke.ts'
import type { Middleware, Permissions } from '../types/middleware.ts'
import { normaliseRoute } from './path.ts'

/** The values whose pattern matches a path, in the order in which they were added. */
export const scoped = <T>(entries: readonly (readonly [string, T])[] = []): ((path: string) => T[]) => {
  if (entries.length === 0) return () => []
  const router = new PatternRouter<T>()
  for (const [pattern, value] of entries) router.add('ALL', pattern === '*' ? '*' : normaliseRoute(pattern), value)
  return (path) => router.match('GET', path)[0].map(([value]) => value as T)
}

export interface Scoped {
  /** By pattern: "*", "/api/*". */
  readonly middleware?: readonly (readonly [string, readonly Middleware[]])[]
  readonly permissions?: readonly (readonly [string, Permissions])[]
}

/** What stands around a route for one path: what was added for it is outside what the route has of its own. */
export const byPath = (all: Scoped): ((own: Around, path: string) => Around) => {
  const middleware = scoped(all.middleware)
  const permissions = scoped(all.permissions)
  return (own, path) => ({
    ...own,
    ready: undefined,
    middleware: [...middleware(path).flat(), ...(own.middleware ?? [])],
    permissions: [...permissions(path), ...(own.permissions ?? [])],
  })
}
