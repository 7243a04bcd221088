import { authBearer } from '@pikku/core/middleware'
import { pikkuMiddleware } from '#pikku/pikku-types.gen.js'

export const bearer = authBearer()

export const timed = pikkuMiddleware(async ({ logger }, { http }, next) => {
  const started = Date.now()
  try {
    return await next()
  } finally {
    http?.response.header('x-board', 'kanban')
    logger.debug('timed', { ms: Date.now() - started })
  }
})
