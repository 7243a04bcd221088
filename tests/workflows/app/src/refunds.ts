/** A workflow that people decide on: with a session, a permission, a child, and a wait for an event. */
import { addHTTPMiddleware, ForbiddenError, pikkuFunc, pikkuMiddleware, pikkuWorkflow } from '#pikku'

/** Tests say who they are; how one finds that out is other tests' matter. */
addHTTPMiddleware('*', [pikkuMiddleware(async (_services, wire, next) => {
  const userId = wire.http?.request.header('x-user')
  if (userId) await wire.setSession({ userId })
  return next()
})])

export const payBack = pikkuFunc<{ amount: number }, { paid: number; by: string | undefined }>(async (_services, { amount }, { session }) => {
  if (session.userId === 'mallory') throw new ForbiddenError('Not to you')
  return { paid: amount, by: session.userId }
})

export const transfer = pikkuWorkflow<{ amount: number }, { receipt: string }>({
  auth: true,
  func: async ({ workflow }, { amount }) => {
    const paid = await workflow.do('Pay', 'payBack', { amount })
    return { receipt: `${paid.paid} by ${paid.by}` }
  },
})

export const refund = pikkuWorkflow<{ amount: number; shop: string }, { receipt?: string; reason?: string }>({
  auth: true,
  permissions: { own: async (_services, { shop }, { session }) => shop === 'everyone' || session?.userId === `owner of ${shop}` },
  func: async ({ workflow }, { amount }) => {
    const decision = await workflow.approval('Manager', { timeout: '1h' })
    if (!decision.approved) return workflow.cancel(decision.reason ?? 'declined')
    const shipped = await workflow.waitForEvent<{ parcel: string }>('Parcel', 'parcel.returned')
    const { receipt } = await workflow.do('Transfer', 'transfer', { amount })
    return { receipt: `${receipt} for ${shipped.parcel}` }
  },
})

export const takeBack = pikkuFunc<{ amount: number }, { by: string | undefined }>({
  internal: true,
  func: async (_services, _data, { session }) => ({ by: session.userId }),
})

/** Sleeps between two steps, and undoes the first one where it is too much. */
export const settle = pikkuWorkflow<{ amount: number }, { before: string | undefined; after: string | undefined }>({
  auth: true,
  func: async ({ workflow }, { amount }) => {
    const before = await workflow.do('Reserve', 'payBack', { amount }, { compensate: 'takeBack' })
    await workflow.sleep('Night', '1300ms')
    const after = await workflow.do('Pay', 'payBack', { amount })
    if (amount > 100) await workflow.cancel('too much')
    return { before: before.by, after: after.by }
  },
})
