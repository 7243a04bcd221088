/** Middleware and permissions. */
import type * as api from '../types/middleware.ts'
import type { Wire } from '../types/wire.ts'

/* @__NO_SIDE_EFFECTS__ */
export const pikkuMiddleware: typeof api.pikkuMiddleware = (written) => (typeof written === 'function' ? written : written.func)

/* @__NO_SIDE_EFFECTS__ */
export const pikkuPermission: typeof api.pikkuPermission = (written) =>
  typeof written === 'function' ? written : written.func

/* @__NO_SIDE_EFFECTS__ */
export const pikkuAuth: typeof api.pikkuAuth = (written) => {
  const check = typeof written === 'function' ? written : written.func
  return (services, _data, wire: Wire) => check(services, wire.session, wire)
}

/* @__NO_SIDE_EFFECTS__ */
export const addMiddleware: typeof api.addMiddleware = () => undefined
/* @__NO_SIDE_EFFECTS__ */
export const addPermission: typeof api.addPermission = () => undefined

export { authAPIKey } from '../middleware/api-key.ts'
export { authBearer } from '../middleware/bearer.ts'
export { authCookie } from '../middleware/cookie.ts'
export { publicKey } from '../middleware/public-key.ts'
export { csrf, csrfToken } from '../middleware/csrf.ts'
export { rateLimit } from '../middleware/rate-limit.ts'
export { cors } from '../middleware/cors.ts'
export { signedWebhook } from '../middleware/webhook.ts'
export { secureHeaders } from '../middleware/secure-headers.ts'
export type * from '../types/middleware.ts'
