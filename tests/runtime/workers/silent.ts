/** No route: only other units call it. */
import { pikkuFunc } from '#pikku/function'
import { ConflictError } from '@pikku/core/errors'
import { answers } from 'unitgraph/answers'
import { worker } from 'unitgraph/entry/cloudflare'

const createOrder = pikkuFunc(async ({ logger, variables }, data: { sku: string; at: Date }, { session, signal }) => {
  logger.info('ordering')
  if (data.sku === 'gone') throw new ConflictError('That is gone')
  return { sku: data.sku, year: data.at.getUTCFullYear(), by: session.userId, place: variables.get('PLACE'), aborted: signal.aborted }
})

export default worker({ project: 'shop', unit: 'shop-silent', functions: { createOrder: { value: createOrder } }, required: ['logger'], answers })
