/** Routes. A wiring is read from the source; at run time it does nothing. */
import type * as api from '../types/http.ts'

/* @__NO_SIDE_EFFECTS__ */
export const wireHTTP: typeof api.wireHTTP = () => undefined
/* @__NO_SIDE_EFFECTS__ */
export const wireHTTPRoutes: typeof api.wireHTTPRoutes = () => undefined
/* @__NO_SIDE_EFFECTS__ */
export const addHTTPMiddleware: typeof api.addHTTPMiddleware = () => undefined
/* @__NO_SIDE_EFFECTS__ */
export const addHTTPPermission: typeof api.addHTTPPermission = () => undefined
/* @__NO_SIDE_EFFECTS__ */
export const defineHTTPRoutes: typeof api.defineHTTPRoutes = (routes) => routes
export { cors } from '../middleware/cors.ts'
export { secureHeaders } from '../middleware/secure-headers.ts'
export type * from '../types/http.ts'
