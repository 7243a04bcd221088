import type { JWTService } from '#pikku'
import { InvalidReceiptError } from '../errors.ts'
import { Order } from './order.ts'

/**
 * A receipt is the signed order itself. Whoever holds one can be served by any unit,
 * on any machine, without a database of orders between them.
 */
export const issueReceipt = (jwt: JWTService, order: Order): Promise<string> => jwt.encode('30d', { order })

export async function readReceipt(jwt: JWTService, receipt: string): Promise<Order> {
  const claims = await jwt.decode<{ order: unknown }>(receipt).catch(() => undefined)
  const order = Order.safeParse(claims?.order)
  if (!order.success) throw new InvalidReceiptError()
  return order.data
}
