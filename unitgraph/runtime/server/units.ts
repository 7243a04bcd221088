/** The units of a process: which one a request or a call is for; each loaded when it is first asked. */
import type { Params, Result } from 'hono/router'
import { RegExpRouter } from 'hono/router/reg-exp-router'
import { SmartRouter } from 'hono/router/smart-router'
import { TrieRouter } from 'hono/router/trie-router'
import { once } from '../core/services.ts'
import type { Host, Unit } from '../core/unit.ts'
import { bySpecificity, normalisePath, normaliseRoute } from '../http/path.ts'
import { keyOf, type Matched } from '../http/patterns.ts'
import type { StartedUnit, UnitModule } from '../unit.ts'

export interface UnitEntry {
  readonly functions: readonly string[]
  readonly load: () => Promise<{ readonly default: UnitModule }>
}

export interface MainRoute {
  readonly method: string
  readonly route: string
  readonly unit: string
}

export interface Found {
  readonly unit?: string | undefined
  /** Where a route of that unit is meant. */
  readonly matched?: Matched | undefined
  readonly allow?: readonly string[] | undefined
}

export interface Units {
  /**
   * The unit that answers a request; for a method that nobody answers, all methods of the path; both for an OPTIONS that
   * nobody wired, since a unit knows its own methods only.
   */
  find(method: string, path: string, askedMethod?: () => string | undefined): Found
  start(name: string): Promise<StartedUnit>
  /** The unit, where it has been started. */
  started(name: string): StartedUnit | undefined
  withFunction(functionId: string): Promise<Unit | undefined>
}

interface Target {
  readonly unit: string
  readonly key: string
}

/** A table with many routes, so the router that compiles them to one expression, and one that takes what it can't. */
const createRouter = (routes: readonly MainRoute[]): SmartRouter<Target> => {
  const router = new SmartRouter<Target>({ routers: [new RegExpRouter(), new TrieRouter()] })
  const sorted = routes.map((entry) => ({ ...entry, key: keyOf(entry), route: normaliseRoute(entry.route) })).sort(bySpecificity)
  for (const { method, route, unit, key } of sorted) router.add(method.toUpperCase(), route, { unit, key })
  return router
}

/** The best of what a router found. One of its kinds says at which place of a list each part stands. */
const best = ([targets, stash]: Result<Target>): { readonly unit: string; readonly matched: Matched } | undefined => {
  const [first] = targets
  if (!first) return undefined
  const [{ unit, key }, names] = first
  if (!stash) return { unit, matched: { key, parts: names as Params } }
  const parts: Record<string, string | undefined> = {}
  for (const name in names) parts[name] = stash[names[name] as number]
  return { unit, matched: { key, parts } }
}

export const createUnits = (
  routes: readonly MainRoute[], entries: Readonly<Record<string, UnitEntry>>, host: () => Host,
): Units => {
  const router = createRouter(routes)
  const methods = [...new Set(routes.map(({ method }) => method.toUpperCase()))].sort()
  const owners = new Map(
    Object.entries(entries).flatMap(([name, { functions }]) => functions.map((id) => [id, name] as const)),
  )
  const running = new Map<string, StartedUnit>()
  const starting = new Map(
    Object.entries(entries).map(([name, { load }]) => [name, once(async () => {
      const made = (await load()).default(host())
      running.set(name, made)
      return made
    })]),
  )
  const lookup = (method: string, path: string): ReturnType<typeof best> => best(router.match(method, path))
  const start = (name: string): Promise<StartedUnit> => {
    const make = starting.get(name)
    if (!make) throw new Error(`There is no unit ${name} in this process`)
    return make()
  }
  return {
    start,
    started: (name) => running.get(name),
    find: (method, pathname, askedMethod) => {
      const path = normalisePath(pathname)
      const routed = lookup(method, path) ?? (method === 'HEAD' ? lookup('GET', path) : undefined)
      if (routed) return routed
      const exposed = /^\/rpc\/([^/]+)$/.exec(path)?.[1]
      const unit = exposed && owners.get(exposed)
      if (unit) return { unit }
      const asked = method === 'OPTIONS' ? askedMethod?.() : undefined
      const allow = methods.filter((one) => lookup(one, path))
      const meant = method === 'OPTIONS' ? ((asked && lookup(asked, path)) || lookup(allow[0] ?? '', path)) : undefined
      return { unit: meant?.unit, allow }
    },
    withFunction: async (functionId) => {
      const name = owners.get(functionId)
      return name === undefined ? undefined : (await start(name)).unit
    },
  }
}
