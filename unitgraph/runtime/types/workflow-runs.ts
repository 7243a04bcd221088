/** What is asked of workflows over HTTP, below `/workflow/<name>/`: the data and answers of each of those routes. */
import type { CallTypes } from './project.js'

export interface RunStep {
  step: string
  kind: string
  status: 'completed' | 'failed' | 'running' | 'waiting' | 'retrying'
  target?: unknown
  attempt?: number
  startedAt: Date
  endedAt?: Date
  /** Those that are over. */
  attempts?: { attempt: number; startedAt: Date; endedAt: Date; error?: { code: string; message: string } }[]
}

export interface WorkflowRun<Output = unknown> {
  runId: string
  workflow: string
  status: 'ready' | 'running' | 'waiting' | 'paused' | 'completed' | 'failed' | 'cancelled'
  createdAt: Date
  finishedAt?: Date
  reason?: string
  /** Of a run that is completed. */
  output?: Output
  /** Of one that has failed. */
  error?: { code: string; message: string }
  steps: RunStep[]
}

export interface WorkflowRoutes<Types extends CallTypes> {
  start: { input: Types['input']; output: { runId: string } }
  /** Waits for the end. */
  run: Types
  status: { input: void; output: WorkflowRun<Types['output']> }
  stream: { input: void; output: WorkflowRun<Types['output']> }
  approve: {
    input: { approved: boolean; reason?: string; data?: unknown; step?: string }
    output: { step: string; approved: boolean }
  }
  event: { input: { event: string; data?: unknown; id?: string }; output: { event: string; isDuplicate: boolean } }
  cancel: { input: { reason?: string }; output: { runId: string; status?: WorkflowRun['status'] } }
}
