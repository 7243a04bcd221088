import { pikkuMiddleware } from '#pikku'

/** Says who did what, for functions which change something. */
export const audit = pikkuMiddleware(async ({ logger }, { session }, next) => {
  await next()
  logger.info(`audited: ${session?.userId ?? 'nobody'}`)
})

/** Answers about an account belong in nobody's cache. */
export const noStore = pikkuMiddleware(async (_services, { http }, next) => {
  http?.response?.header('cache-control', 'no-store')
  await next()
})
