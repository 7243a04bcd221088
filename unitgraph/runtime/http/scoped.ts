/** What was added for patterns of paths. */
import { PatternRouter } from 'hono/router/pattern-router'
import { normaliseRoute } from './path.ts'

/** The values whose pattern matches a path, in the order in which they were added. */
export const scoped = <T>(entries: readonly (readonly [string, T])[] = []): ((path: string) => T[]) => {
  if (entries.length === 0) return () => []
  const router = new PatternRouter<T>()
  for (const [pattern, value] of entries) router.add('ALL', pattern === '*' ? '*' : normaliseRoute(pattern), value)
  return (path) => router.match('GET', path)[0].map(([value]) => value as T)
}
