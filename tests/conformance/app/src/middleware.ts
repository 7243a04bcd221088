/** Middleware that says where it stood. */
import { pikkuMiddleware } from '#pikku'

/** In the answer's header, on the way in and on the way out. */
const leaves = (mark: string) => pikkuMiddleware(async (_services, { http }, next) => {
  http?.response.append('x-trail', mark)
  const result = await next()
  http?.response.append('x-trail', `/${mark}`)
  return result
})

export const everywhere = pikkuMiddleware(async ({ logger }, { http, transport }, next) => {
  if (http?.request.header('x-say')) logger.info('everywhere', { transport })
  return next()
})
export const onPattern = leaves('pattern')
export const onGroup = leaves('group')
export const onRoute = leaves('route')
export const onRouteTag = leaves('route-tag')
export const onTag = leaves('tag')
export const onFunction = leaves('function')

/** Answers in place of what is inside it, or changes what that gave. */
export const interfering = pikkuMiddleware(async (_services, { http }, next) => {
  const how = http?.request.header('x-how')
  if (how === 'instead') return { instead: true }
  if (how === 'twice') {
    await next()
    return next()
  }
  if (how === 'caught') {
    try {
      return await next()
    } catch (error) {
      return { caught: (error as Error).message }
    }
  }
  const result = await next()
  return how === 'wrapped' ? { wrapped: result } : undefined
})
