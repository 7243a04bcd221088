/** The wire of a graph's node, and under which wirings calls come that belong to a run (unitgraph/units/gateways.py). */
import type { WireFactory } from '../core/errand.ts'
import type { GraphWire } from '../types/wire.ts'

export const STEP = 'workflow step'
export const START = 'workflow start'

/** Which branch a node picks is told to its run. */
export const graphWire: WireFactory = ({ graphName, nodeId }: Omit<GraphWire, 'branch'>, use): GraphWire => ({
  graphName, nodeId, branch: (name) => void use('branch', [name]),
})
