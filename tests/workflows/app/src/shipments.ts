/** A workflow as a graph: a branch that a function picks, inputs from what came before, and a node for what fails. */
import { pikkuSessionlessFunc, pikkuWorkflowGraph, UnprocessableContentError } from '#pikku'

export const weigh = pikkuSessionlessFunc<{ parcel: string; grams: number }, { grams: number }>(async ({ logger }, { parcel, grams }, { graph }) => {
  logger.info('weighed', { parcel })
  graph?.branch(grams > 1000 ? 'heavy' : 'light')
  return { grams }
})
export const label = pikkuSessionlessFunc<{ parcel: string }, { label: string }>({
  internal: true,
  func: async (_services, { parcel }, { workflowStep }) => {
    if (parcel === 'torn' && workflowStep) throw new UnprocessableContentError('There is nothing to stick it on')
    return { label: `label of ${parcel}` }
  },
})
export const post = pikkuSessionlessFunc<{ what: string; by: string }, { posted: string }>(async (_services, { what, by }) => ({ posted: `${what} by ${by}` }))
export const complain = pikkuSessionlessFunc<{ why: string }, { complaint: string }>(async (_services, { why }) => ({ complaint: why }))

export const shipment = pikkuWorkflowGraph<{ parcel: string; grams: number }>({
  nodes: { weigh: 'weigh', label: 'label', van: 'post', bicycle: 'post', complain: 'complain' },
  config: {
    weigh: { next: { heavy: 'van', light: 'bicycle' } },
    label: { retries: 0, next: 'weigh', onError: 'complain' },
    van: { input: (ref) => ({ what: ref('label', 'label'), by: 'van' }) },
    bicycle: { input: (ref) => ({ what: ref('label', 'label'), by: 'bicycle' }) },
    complain: { input: (ref) => ({ why: ref('label', 'error') }) },
  },
})
