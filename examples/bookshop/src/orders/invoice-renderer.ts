import { row, rule } from './invoice-layout.ts'
import type { Order } from './order.ts'

/** Invoices as plain text. Only one function needs it, so only that function's unit contains it. */
export class InvoiceRenderer {
  readonly #money: Intl.NumberFormat

  constructor(currency: string) {
    this.#money = new Intl.NumberFormat('en', { style: 'currency', currency })
  }

  render(order: Order, seller: string): string {
    return [
      row(seller, order.placedAt.slice(0, 10)),
      rule,
      ...order.lines.map((line) => row(`${line.quantity} × ${line.title}`, this.#amount(line.priceCents * line.quantity))),
      rule,
      row('Shipping', this.#amount(order.shippingCents)),
      row('Total', this.#amount(order.totalCents)),
    ].join('\n')
  }

  #amount(cents: number): string {
    return this.#money.format(cents / 100)
  }
}
