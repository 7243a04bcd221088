/** Routes that hold more than fixed parts: which of those that match a path is meant, and what stands in it. */
import { PatternRouter } from 'hono/router/pattern-router'
import { bySpecificity, decodePart, normaliseRoute } from './path.ts'

type Parts = Readonly<Record<string, string | undefined>>

/** What whoever asks has found already, looking for the unit: one of its routes, by `keyOf`, and what stands in the path at its names. */
export interface Matched {
  readonly key: string
  readonly parts: Parts
}

/** Finds a route, what stands in the path at its names, and whether all of that is text. */
export type Find<T> = (method: string, path: string, matched?: Matched) => readonly [T, Record<string, string>, boolean] | undefined

export const keyOf = ({ method, route }: { readonly method: string; readonly route: string }): string => `${method.toUpperCase()} ${route}`

const read = <T>(entry: T, found: Parts): ReturnType<Find<T>> => {
  const params: Record<string, string> = {}
  let isText = true
  for (const name in found) {
    const value = found[name]
    if (value === undefined) continue
    const part = decodePart(value)
    isText &&= part !== undefined
    params[name] = part ?? value
  }
  return [entry, params, isText]
}

export const patterns = <T extends { readonly method: string; readonly route: string }>(routes: readonly T[]): Find<T> => {
  const router = new PatternRouter<T>()
  const byKey = new Map(routes.map((entry) => [keyOf(entry), entry]))
  const all = routes.map((entry) => ({ route: normaliseRoute(entry.route), entry })).sort(bySpecificity)
  for (const { route, entry } of all) router.add(entry.method, route, entry)
  return (method, path, matched) => {
    const known = matched && byKey.get(matched.key)
    if (known) return read(known, matched.parts)
    const [match] = router.match(method, path)[0]
    return match && read(match[0], match[1] as Parts)
  }
}
