/**
 * A workflow as a graph: which node runs next is read from data, what nodes do is the same as steps. A node runs once all
 * that lead to it are settled and one of them did. Knows the graph, not the journal.
 */
import type { StepOptions } from '../types/workflow.ts'
import { NonRetryableError } from './errors.ts'

type Next = string | readonly string[]

export interface NodeConfig extends Omit<StepOptions, 'onError' | 'compensate'> {
  readonly input?: (ref: (node: string, path?: string) => unknown) => unknown
  readonly next?: Next | Readonly<Record<string, Next>>
  readonly onError?: Next
}

/** What a node came to, and which branch it picked. */
export interface Ended {
  readonly output: unknown
  readonly branch?: string | undefined
}

/** Runs a node's function as a step of that name. */
export type RunNode = (node: string, data: unknown, options: StepOptions) => Promise<Ended>

const list = (next: Next | undefined): readonly string[] => (next === undefined ? [] : typeof next === 'string' ? [next] : next)

const isBranches = (next: NodeConfig['next']): next is Readonly<Record<string, Next>> =>
  typeof next === 'object' && !Array.isArray(next)

const allNext = ({ next, onError }: NodeConfig): readonly string[] =>
  [...(isBranches(next) ? Object.values(next).flatMap(list) : list(next)), ...list(onError)]

export interface Edge {
  readonly from: string
  readonly to: string
  /** Which branch leads there, or `onError`. */
  readonly by?: string
}

/** Which node leads to which, for people to look at. */
export const edgesOf = (config: Readonly<Record<string, NodeConfig>>): readonly Edge[] =>
  Object.entries(config).flatMap(([from, { next, onError }]) => [
    ...(isBranches(next)
      ? Object.entries(next).flatMap(([by, tos]) => list(tos).map((to) => ({ from, to, by })))
      : list(next).map((to) => ({ from, to }))),
    ...list(onError).map((to) => ({ from, to, by: 'onError' })),
  ])

const at = (value: unknown, path: string | undefined): unknown => {
  if (path === undefined || path === '') return value
  return path.split('.').reduce<unknown>((inner, key) =>
    typeof inner === 'object' && inner !== null && Object.hasOwn(inner, key) ? (inner as Record<string, unknown>)[key] : undefined, value)
}

/** Throws for a graph that never ends: who wants to repeat writes code. */
const refuseCycles = (nodes: readonly string[], config: Readonly<Record<string, NodeConfig>>): void => {
  const done = new Set<string>()
  const visit = (node: string, path: readonly string[]): void => {
    if (path.includes(node)) throw new NonRetryableError(`The graph runs in a circle: ${[...path.slice(path.indexOf(node)), node].join(' → ')}`)
    if (done.has(node)) return
    for (const next of allNext(config[node] ?? {})) visit(next, [...path, node])
    done.add(node)
  }
  for (const node of nodes) visit(node, [])
}

/**
 * `trigger` is the run's input: that of nodes which say none, and what `ref('trigger')` gives. The output is that of the
 * node which nothing follows; of several, an object of all by name.
 */
export const runGraph = async (
  nodes: readonly string[], config: Readonly<Record<string, NodeConfig>>, trigger: unknown, run: RunNode,
): Promise<unknown> => {
  refuseCycles(nodes, config)
  const outputs = new Map<string, unknown>([['trigger', trigger]])
  const waiting = new Map(nodes.map((node) => [node, { missing: 0, isReached: false }]))
  for (const node of nodes) for (const next of new Set(allNext(config[node] ?? {}))) (waiting.get(next) as { missing: number }).missing += 1
  const last = new Map<string, unknown>()
  const ref = (node: string, path?: string): unknown => at(outputs.get(node), path)

  /** Tells all that could follow whether they do. */
  const settle = async (node: string, taken: ReadonlySet<string>): Promise<void> => {
    await Promise.all([...new Set(allNext(config[node] ?? {}))].map(async (next) => {
      const state = waiting.get(next) as { missing: number; isReached: boolean }
      state.missing -= 1
      state.isReached ||= taken.has(next)
      if (state.missing > 0) return
      await (state.isReached ? begin(next) : settle(next, new Set()))
    }))
  }

  const begin = async (node: string): Promise<void> => {
    const { input, next, onError, ...options } = config[node] ?? {}
    let taken: readonly string[]
    try {
      const { output, branch } = await run(node, input ? input(ref) : trigger, options)
      outputs.set(node, output)
      taken = isBranches(next) ? list(branch === undefined ? undefined : next[branch]) : list(next)
      if (taken.length === 0) last.set(node, output)
    } catch (error) {
      if (onError === undefined) throw error
      outputs.set(node, { error: error instanceof Error ? error.message : String(error) })
      taken = list(onError)
    }
    await settle(node, new Set(taken))
  }

  const first = nodes.filter((node) => waiting.get(node)?.missing === 0)
  await Promise.all(first.map(begin))
  return last.size === 1 ? [...last.values()][0] : Object.fromEntries(last)
}
