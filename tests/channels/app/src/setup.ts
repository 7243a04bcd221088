import { addHTTPMiddleware, addMiddleware, authBearer, authCookie, pikkuConfig, pikkuMiddleware, type CoreUserSession } from '#pikku'

export interface UserSession extends CoreUserSession {
  role?: string
  note?: string
}

export interface EventHubTopics {
  [room: `room:${string}`]: { from: string; text: string }
  news: unknown
}

export const createConfig = pikkuConfig(async () => ({ logLevel: 'debug' as const }))

/** Openings are requests, so what stands around requests stands around them. */
addHTTPMiddleware('*', [authBearer(), authCookie()])

export const tagged = pikkuMiddleware(async ({ logger }, { transport, http }, next) => {
  logger.info('around the tag', { transport, isOpening: http !== undefined })
  await next()
})
addMiddleware('chat', [tagged])
