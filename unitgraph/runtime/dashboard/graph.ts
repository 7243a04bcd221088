/** A workflow that is a graph, as it was authored, for people to look at. */
import type { Unit } from '../core/unit.ts'
import { edgesOf, type NodeConfig } from '../workflow/graph.ts'
import type { GraphView } from './api.ts'

interface Written {
  readonly nodes?: Readonly<Record<string, string>>
  readonly config?: Readonly<Record<string, NodeConfig>>
}

/** Undefined for one that is written as code. */
export const graphOf = (unit: Unit, workflow: string): GraphView | undefined => {
  const written = unit.options.functions[workflow]?.value as Written | undefined
  return written?.nodes && { nodes: written.nodes, edges: edgesOf(written.config ?? {}) }
}
