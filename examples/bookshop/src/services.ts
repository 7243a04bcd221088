import { pikkuServices } from '#pikku'
import { Accounts } from './accounts/accounts.ts'
import { seed as accounts } from './accounts/seed.ts'
import { Catalogue } from './books/catalogue.ts'
import { seed as books } from './books/seed.ts'
import { InvoiceRenderer } from './orders/invoice-renderer.ts'
import { Pricing } from './orders/pricing.ts'

/** A unit holds only the services that its function takes, and what only they import. */
export const createSingletonServices = pikkuServices(async (config) => ({
  accounts: new Accounts(accounts),
  catalogue: new Catalogue(books),
  invoices: new InvoiceRenderer(config.currency),
  pricing: new Pricing(config),
}))
