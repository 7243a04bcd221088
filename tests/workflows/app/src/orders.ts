/** A workflow with much to look at: branches, attempts, a child, a decision, and whatever text its caller likes. */
import { pikkuSessionlessFunc, pikkuWorkflow, UnprocessableContentError } from '#pikku'

export const charge = pikkuSessionlessFunc<{ card: string }, { charged: string }>(async (_services, { card }, { workflowStep }) => {
  if (card === 'stolen') throw new UnprocessableContentError(`The card ${card} is refused`)
  if (workflowStep?.attempt === 1) throw new Error('The bank does not answer')
  return { charged: card }
})

export const invoice = pikkuWorkflow<{ customer: string }, { sent: boolean }>(async ({ workflow }) => {
  await workflow.do('Print', async () => ({ pages: 2 }))
  await workflow.sleep('Dry', '120ms')
  return { sent: true }
})

export const order = pikkuWorkflow<{ customer: string; card: string }, { customer: string; by: string | null }>(async ({ workflow }, { customer, card }) => {
  await workflow.do('Quote', async () => ({ total: 42.5, currency: 'EUR', for: customer }))
  await workflow.do('Charge', 'charge', { card }, { retryDelay: '400ms' })
  await workflow.all('Ship', {
    parcel: async () => {
      await workflow.do('Pack', async () => new Promise((resolve) => setTimeout(resolve, 150, { boxes: 1 })))
      await workflow.do('Label', async () => ({ label: customer }))
    },
    letter: async () => workflow.do('Invoice', 'invoice', { customer }),
  })
  const decision = await workflow.approval('Manager', { timeout: '2h' })
  if (!decision.approved) throw new UnprocessableContentError(`Declined: ${decision.reason ?? 'without a reason'}`)
  await workflow.do('Send', async () => ({ sent: true }))
  return { customer, by: decision.by ?? null }
})
