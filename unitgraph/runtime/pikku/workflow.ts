/** Workflows. */
import { author } from '../core/definition.ts'
import type * as api from '../types/workflow.ts'

export const pikkuWorkflowFunc: typeof api.pikkuWorkflowFunc = author('workflow') as never
export const pikkuWorkflowGraph: typeof api.pikkuWorkflowGraph = author('workflow-graph') as never
export const pikkuWorkflow: typeof api.pikkuWorkflow = pikkuWorkflowFunc
export type * from '../types/workflow.ts'
