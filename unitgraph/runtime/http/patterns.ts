/** Routes that hold more than fixed parts: which of those that match a path is meant, and what stands in it. */
import { PatternRouter } from 'hono/router/pattern-router'
import { bySpecificity, decodePart, normaliseRoute } from './path.ts'

/** Finds a route, what stands in the path at its names, and whether all of that is text. */
export type Find<T> = (method: string, path: string) => readonly [T, Record<string, string>, boolean] | undefined

export const patterns = <T extends { readonly method: string; readonly route: string }>(routes: readonly T[]): Find<T> => {
  const router = new PatternRouter<T>()
  const all = routes.map((entry) => ({ route: normaliseRoute(entry.route), entry })).sort(bySpecificity)
  for (const { route, entry } of all) router.add(entry.method, route, entry)
  return (method, path) => {
    const [match] = router.match(method, path)[0]
    if (!match) return undefined
    const found = match[1] as Readonly<Record<string, string | undefined>>
    const params: Record<string, string> = {}
    let isText = true
    for (const name in found) {
      const value = found[name]
      if (value === undefined) continue
      const part = decodePart(value)
      isText &&= part !== undefined
      params[name] = part ?? value
    }
    return [match[0], params, isText]
  }
}
