/** `rpc.startWorkflow`, for units whose functions use it: with the workflow's own permissions, wherever it is. */
import type { Call } from '../core/call.ts'
import { dispatch } from '../core/dispatch.ts'
import { NO_TRANSPORT } from '../core/rpc.ts'
import type { Unit } from '../core/unit.ts'
import { START } from './wires.ts'

export const starts = (unit: Unit, outer: Call) =>
  async (name: string, data: unknown, { id }: { id?: string } = {}): Promise<{ runId: string }> => {
    const errand = { transport: 'rpc' as const, wiring: START, known: { start: { ...(id !== undefined && { id }) } } }
    // in this process as elsewhere: the run is not the caller's job, nor its answer the caller's
    return (await dispatch(unit, name, data, errand, { ...outer, ...NO_TRANSPORT })) as { runId: string }
  }
