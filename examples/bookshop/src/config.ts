import { pikkuConfig } from '#pikku'

/** Amounts of money are whole cents everywhere. */
export const createConfig = pikkuConfig(async () => ({
  currency: 'EUR',
  shippingCents: 4_50,
  freeShippingFromCents: 50_00,
}))
