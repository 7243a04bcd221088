/** What calls that belong to a run know of it: nothing but data, so that nothing is sent back. */
import type { WireFactory } from '../core/errand.ts'

const asItIs: WireFactory = (state) => state

export const workflowStepWire = asItIs
export const startWire = asItIs

/** The wirings under which such calls come (unitgraph/units/gateways.py). */
export const STEP = 'workflow step'
export const START = 'workflow start'
