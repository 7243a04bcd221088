/** `#pikku/http`: routes, groups of routes, and what stands around them. */
import type { AnyFunction } from './function.js'
import type { Middleware, Permissions } from './middleware.js'
import type { StandardSchema } from './schema.js'

export type HttpMethod = 'get' | 'post' | 'put' | 'patch' | 'delete' | 'head' | 'options'

export interface HttpOptions {
  auth?: boolean
  permissions?: Permissions<unknown>
  middleware?: readonly Middleware[]
  tags?: readonly string[]
  /** What the request's headers (lower case) must look like. */
  headers?: StandardSchema
  /** What the query must look like; what it returns is merged into the data. */
  query?: StandardSchema
  /** The largest body in bytes. Default 1 MiB. */
  bodyLimit?: number
}

export interface HttpRoute extends HttpOptions {
  method: HttpMethod | Uppercase<HttpMethod>
  /** `/books/:id`, `/files/*`, `/users/:id{[0-9]+}`. */
  route: string
  func: AnyFunction
  /** Server-sent events: each `channel.send` is one, the return value is the last. */
  sse?: boolean
  title?: string
  summary?: string
  description?: string
}

export declare function wireHTTP(route: HttpRoute): void

/** A route, a group, or a folder of them by name. */
export type HttpRoutes = HttpRoute | HttpGroup | readonly HttpRoutes[] | { readonly [name: string]: HttpRoutes }

export interface HttpGroup extends HttpOptions {
  /** The prefix of all routes. */
  basePath?: string
  prefix?: string
  routes: HttpRoutes
}

export declare function defineHTTPRoutes<const R extends HttpGroup | HttpRoutes>(routes: R): R
export declare function wireHTTPRoutes(routes: HttpGroup | HttpRoutes): void

/** For every route that the pattern matches: `*`, `/api/*`, `/api/books/:id`. */
export declare function addHTTPMiddleware(pattern: string, middleware: readonly Middleware[]): void
export declare function addHTTPPermission(pattern: string, permissions: Permissions<unknown>): void
