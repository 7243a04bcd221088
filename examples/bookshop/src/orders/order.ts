import * as z from 'zod'
import { Isbn } from '../books/book.ts'

export const OrderLine = z.object({ isbn: Isbn, quantity: z.number().int().min(1) })

export type OrderLine = z.infer<typeof OrderLine>

/** A line whose copies are set aside, at the price of that moment. */
export const PricedLine = OrderLine.extend({ title: z.string(), priceCents: z.number() })

export type PricedLine = z.infer<typeof PricedLine>

export const Quote = z.object({
  lines: z.array(PricedLine),
  goodsCents: z.number(),
  shippingCents: z.number(),
  totalCents: z.number(),
})

export type Quote = z.infer<typeof Quote>

export const Order = Quote.extend({ id: z.string(), customer: z.string(), placedAt: z.string() })

export type Order = z.infer<typeof Order>

export interface OrderProgress {
  order: string
  stage: 'paid' | 'packed' | 'shipped'
}
