import type { PricedLine, Quote } from './order.ts'

export interface Tariff {
  shippingCents: number
  freeShippingFromCents: number
}

/** What an order costs. Holds no state, so any number of units may have their own. */
export class Pricing {
  readonly #tariff: Tariff

  constructor(tariff: Tariff) {
    this.#tariff = tariff
  }

  quote(lines: PricedLine[]): Quote {
    const goodsCents = lines.reduce((sum, line) => sum + line.priceCents * line.quantity, 0)
    const shippingCents = goodsCents >= this.#tariff.freeShippingFromCents ? 0 : this.#tariff.shippingCents
    return { lines, goodsCents, shippingCents, totalCents: goodsCents + shippingCents }
  }
}
