/**
 * Replays runs against code as it was built: as far as their journals go, nothing further. No step is done, nothing is
 * written, and no service is there: what code between steps needs of one can't be told from a journal. Run by Bun.
 *
 * The first line of standard input says where the code is, each further one is a run; a line is answered for each.
 */
import { createInterface } from 'node:readline'
import { createVariables, type Environment } from '../../runtime/core/environment.ts'
import type { Services } from '../../runtime/core/services.ts'
import type { Host } from '../../runtime/core/unit.ts'
import type { Logger } from '../../runtime/types/services.ts'
import type { StartedUnit, UnitModule } from '../../runtime/unit.ts'
import type { Difference } from '../../runtime/workflow/difference.ts'
import { ENDS, type Run } from '../../runtime/workflow/run.ts'
import type { World } from '../../runtime/workflow/steps.ts'
import type { Store } from '../../runtime/workflow/store.ts'
import { createWorld } from '../../runtime/workflow/world.ts'
import { createStacks } from '../dev/front/stacks.ts'

interface Opening {
  readonly project: string
  readonly folder: string
  /** Workflow → the unit that it is in. */
  readonly units: Readonly<Record<string, string>>
}

type Verdict =
  | { readonly verdict: 'agrees' }
  | { readonly verdict: 'diverges'; readonly difference: Omit<Difference, 'got'> & { readonly got?: object } }
  | { readonly verdict: 'gone' }
  /** Nobody can tell, and why. */
  | { readonly verdict: 'unknown'; readonly why: string }

declare const process: { readonly env: Environment; readonly stdin: unknown; readonly stdout: { write(text: string): unknown }; exit(code: number): never }
declare const Bun: { file(path: string): { text(): Promise<string> } }

/** Runs that are replayed at once: one that parts waits a second for its code. */
const AT_ONCE = 500

const silent: Logger = {
  debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined, child: () => silent,
} as unknown as Logger

/** Stands for a service: `used` hears of any use but what is asked of every object. */
const absent = (name: string, used: Set<string>): unknown => new Proxy(() => undefined, {
  get: (_target, property) => {
    if (typeof property === 'symbol' || ['then', 'toJSON', 'close', 'stop'].includes(property)) return undefined
    used.add(name)
    throw new Error(`The service ${name} is used between steps`)
  },
  apply: () => {
    used.add(name)
    throw new Error(`The service ${name} is used between steps`)
  },
})

const EVERYWHERE = ['config', 'secrets', 'jwt', 'queueService', 'eventHub', 'db', 'kv', 'storage']

const servicesOf = (required: readonly string[], used: Set<string>): Services => ({
  ...Object.fromEntries([...EVERYWHERE, ...required].map((name) => [name, absent(name, used)])),
  logger: silent, variables: createVariables(process.env),
})

/** Says yes to what a replay writes, and keeps nothing. */
const nowhere = (now: () => number): Store => ({
  append: async () => ({ is: 'ok', now: now(), cancelAt: null }),
  deliver: async () => ({ is: 'delivered' }),
  inbox: async () => [],
  note: async () => undefined,
} as Partial<Store> as Store)

// what code prints between steps is none of the answers
Object.assign(console, { log: console.error, info: console.error, debug: console.error, table: console.error })

const questions = createInterface({ input: process.stdin })[Symbol.asyncIterator]()
const opening = JSON.parse((await questions.next()).value as string) as Opening
const maps = new Map<string, string>()
const led = createStacks((file) => maps.get(file))

/** The place in the project's sources that a stack leads to first. */
const placeOf = async (stack: string): Promise<string | undefined> => {
  const files = new Set([...stack.matchAll(/([^\s()]+\.js):\d+:\d+/g)].map(([, file]) => file as string))
  for (const file of files) {
    if (maps.has(file)) continue
    const text = await Bun.file(`${file}.map`).text().catch(() => undefined)
    if (text !== undefined) maps.set(file, text)
  }
  const places = [...led(stack).matchAll(/([^\s()]+):(\d+):(\d+)\)?$/gm)].map(([, path, line, column]) => `${path}:${line}:${column}`)
  return places.find((place) => !place.startsWith(opening.folder) && !/^(unitgraph\b|node_modules\/|native:)/.test(place))
}

const units = new Map<string, Promise<UnitModule>>()
const load = (name: string): Promise<UnitModule> => {
  const known = units.get(name) ?? import(`${opening.folder}/units/${name}/index.js`).then((module: { default: UnitModule }) => module.default)
  units.set(name, known)
  return known
}

/** A unit of its own for each run, so that it is known which one uses what. */
const start = async (name: string, used: Set<string>): Promise<StartedUnit> => {
  const host: Host = {
    project: opening.project, release: undefined, env: process.env, wireServices: undefined,
    built: undefined, services: async () => servicesOf(started.unit.options.required ?? [], used),
  }
  const started = (await load(name))(host)
  return started
}

const replay = async (run: Run): Promise<Verdict> => {
  const { name, status } = run.head
  const unit = opening.units[name]
  if (unit === undefined) return ENDS.has(status) ? { verdict: 'agrees' } : { verdict: 'gone' }
  const used = new Set<string>()
  let difference: Difference | undefined
  try {
    const workflow = (await start(unit, used)).workflows?.get(name)
    if (!workflow) return { verdict: 'gone' }
    const store = nowhere(Date.now)
    const world: World = { ...createWorld(store, { now: Date.now, tell: () => undefined }), diverged: (found) => void (difference = found) }
    const execution = workflow.execute(run, world)
    // nothing is begun: what is recorded is delivered, and that is all
    execution.leave()
    await execution.go()
  } catch (error) {
    return { verdict: 'unknown', why: error instanceof Error ? error.message : String(error) }
  }
  if (!difference) return { verdict: 'agrees' }
  if (used.size > 0) return { verdict: 'unknown', why: `its code uses ${[...used].join(', ')} between steps, which no journal has` }
  const { entry: { seq, key, kind, fingerprint }, got, ended } = difference
  const place = got && (await placeOf(got.stack))
  return { verdict: 'diverges', difference: {
    entry: { seq, key, kind, fingerprint }, ended,
    ...(got && { got: { key: got.key, kind: got.kind, fingerprint: got.fingerprint, ...(place && { place }) } }),
  } }
}

const underway = new Set<Promise<void>>()
for await (const line of { [Symbol.asyncIterator]: () => questions }) {
  const run = JSON.parse(line) as Run
  const { id, name, status } = run.head
  const one = replay(run).then((verdict) => void process.stdout.write(`${JSON.stringify({ id, workflow: name, status, ...verdict })}\n`))
  underway.add(one)
  void one.finally(() => underway.delete(one))
  if (underway.size >= AT_ONCE) await Promise.race(underway)
}
await Promise.all(underway)
process.exit(0)
