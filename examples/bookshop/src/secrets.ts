import * as z from 'zod'
import { wireSecret, wireVariable } from '#pikku'

wireSecret({
  name: 'jwt',
  displayName: 'Token key',
  description: 'Signs session tokens and receipts; at least 32 characters.',
  secretId: 'JWT_SECRET',
  schema: z.string().min(32),
})

wireVariable({
  name: 'shopName',
  displayName: 'Shop name',
  description: 'Stands at the head of invoices.',
  variableId: 'SHOP_NAME',
  schema: z.string().min(1).optional(),
})
