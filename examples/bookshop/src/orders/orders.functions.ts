import * as z from 'zod'
import { NotFoundError, pikkuFunc, pikkuSessionlessFunc } from '#pikku'
import { OutOfStockError } from '../errors.ts'
import { Order, OrderLine, PricedLine, Quote, type OrderProgress } from './order.ts'
import { reorder } from '../stock/reorders.ts'
import { issueReceipt, readReceipt } from './receipt.ts'

export const quoteOrder = pikkuSessionlessFunc({
  title: 'Quote an order',
  description: 'What some books would cost, with shipping. Reserves nothing.',
  expose: true,
  input: z.object({ lines: z.array(OrderLine).min(1) }),
  output: Quote,
  func: async ({ catalogue, pricing }, { lines }) =>
    pricing.quote(
      lines.map(({ isbn, quantity }) => {
        const book = catalogue.get(isbn)
        if (!book) throw new NotFoundError(`No book has the ISBN ${isbn}.`)
        return { isbn, quantity, title: book.title, priceCents: book.priceCents }
      }),
    ),
})

/** Sets copies aside. Only other functions call it: it is a unit of its own, with no route. */
export const reserveStock = pikkuSessionlessFunc({
  internal: true,
  input: z.object({ lines: z.array(OrderLine).min(1) }),
  output: z.object({ reserved: z.array(PricedLine) }),
  func: async ({ catalogue, eventHub, queueService }, { lines }) => {
    const reserved = lines.map(({ isbn, quantity }) => {
      const book = catalogue.get(isbn)
      if (!book) throw new NotFoundError(`No book has the ISBN ${isbn}.`)
      if (book.stock < quantity) throw new OutOfStockError(book.title, book.stock)
      return { isbn, quantity, title: book.title, priceCents: book.priceCents, left: book.stock - quantity }
    })
    for (const { isbn, left } of reserved) {
      catalogue.change({ isbn, stock: left })
      await eventHub.publish(`stock:${isbn}`, null, { isbn, left })
      await reorder(queueService, { isbn, stock: left })
    }
    return { reserved: reserved.map(({ left: _, ...line }) => line) }
  },
})

export const placeOrder = pikkuFunc({
  tags: ['audited'],
  input: z.object({ lines: z.array(OrderLine).min(1) }),
  output: Order.extend({ receipt: z.string() }),
  func: async ({ jwt, pricing }, { lines }, { rpc, session }) => {
    const { reserved } = await rpc.invoke('reserveStock', { lines })
    const order: Order = {
      id: crypto.randomUUID(),
      customer: session.userId,
      placedAt: new Date().toISOString(),
      ...pricing.quote(reserved),
    }
    return { ...order, receipt: await issueReceipt(jwt, order) }
  },
})

/** Over SSE every stage is an event, and the last one the result; over plain HTTP only the result is sent. */
export const trackOrder = pikkuSessionlessFunc<{ receipt: string }, OrderProgress>({
  func: async ({ jwt }, { receipt }, { channel }) => {
    const { id } = await readReceipt(jwt, receipt)
    channel?.send({ order: id, stage: 'paid' })
    channel?.send({ order: id, stage: 'packed' })
    return { order: id, stage: 'shipped' }
  },
})

export const renderInvoice = pikkuSessionlessFunc<{ receipt: string }, { order: string; text: string }>({
  func: async ({ invoices, jwt, variables }, { receipt }) => {
    const order = await readReceipt(jwt, receipt)
    const seller = (await variables.get('SHOP_NAME')) ?? 'The Bookshop'
    return { order: order.id, text: invoices.render(order, seller) }
  },
})
