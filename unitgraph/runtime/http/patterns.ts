/** Routes that hold more than fixed parts: which of those that match a path is meant, and what stands in it. */
import { PatternRouter } from 'hono/router/pattern-router'
import { bySpecificity, normaliseRoute } from './path.ts'

/** Finds a route, with what stands in the path at its names. */
export type Find<T> = (method: string, path: string) => readonly [T, Readonly<Record<string, string | undefined>>] | undefined

export const patterns = <T extends { readonly method: string; readonly route: string }>(routes: readonly T[]): Find<T> => {
  const router = new PatternRouter<T>()
  const all = routes.map((route) => [normaliseRoute(route.route), route] as const)
  for (const [path, route] of all.sort(([a], [b]) => bySpecificity({ route: a }, { route: b }))) router.add(route.method, path, route)
  return (method, path) => router.match(method, path)[0][0] as ReturnType<Find<T>>
}
