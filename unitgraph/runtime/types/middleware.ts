/** Middleware and permissions: what stands around a function, on every transport alike. */
import type { Services, SecretId, SingletonServices, UserSession } from './services.js'
import type { CookieOptions, Wire } from './wire.js'

export type Middleware = (services: SingletonServices, wire: Wire, next: () => Promise<unknown>) => Promise<unknown> | unknown

export type Permission<Data = never> = (services: Services, data: Data, wire: Wire) => Promise<boolean> | boolean

/** The values are alternatives, any one grants; an array inside is a conjunction. A bare one stands for itself. */
export type Permissions<Data = never> =
  | Permission<Data>
  | readonly Permission<Data>[]
  | { readonly [name: string]: Permission<Data> | readonly Permission<Data>[] }

export interface Described<Func> {
  readonly name?: string
  readonly description?: string
  readonly func: Func
}

/** `next()` runs the rest. What is thrown in it is thrown here; what is returned here is what the caller gets,
 * unless it is undefined. */
export declare function pikkuMiddleware(middleware: Middleware | Described<Middleware>): Middleware

export declare function pikkuPermission<Data = unknown>(
  permission: Permission<Data> | Described<Permission<Data>>,
): Permission<Data>

type AuthCheck = (services: Services, session: UserSession | undefined, wire: Wire) => Promise<boolean> | boolean

/** A permission which looks at the session only. */
export declare function pikkuAuth(check: AuthCheck | Described<AuthCheck>): Permission<unknown>

/** For every function with the tag; "*" for all functions. */
export declare function addMiddleware(tag: string, middleware: readonly Middleware[]): void
export declare function addPermission(tag: string, permissions: Permissions<unknown>): void

export interface TokenChecks {
  issuer?: string | string[]
  audience?: string | string[]
  algorithms?: string[]
  /** Seconds that clocks may differ. */
  clockTolerance?: number
}

/** The claims of a token; throws where it is not valid. */
export type TokenVerifier = (token: string, checks: TokenChecks) => Promise<Record<string, unknown>>

/** By the public key of who signed it: the URL of a JSON Web Key Set, or one key. */
export declare function publicKey(key: string | URL | Readonly<Record<string, unknown>>): TokenVerifier

export interface AuthBearerOptions extends TokenChecks {
  /** The secret that tokens are signed with (HS256 …). Default `JWT_SECRET`. */
  secretId?: SecretId
  /** Takes the place of `secretId`: for tokens that somebody else signed, `publicKey(...)`. */
  verify?: TokenVerifier
  /** From the token's claims to the session; undefined: the token grants none. Default: the claims, `sub` as userId. */
  session?: (claims: Record<string, unknown>) => UserSession | undefined | Promise<UserSession | undefined>
}

/** A session from `Authorization: Bearer <JWT>`. A bad token is a 401, none is no session. */
export declare function authBearer(options?: AuthBearerOptions): Middleware

export interface AuthCookieOptions {
  /** Default `session`; with `secure` it is sent with the `__Host-` prefix's rules. */
  name?: string
  /** The secret that the cookie is signed with. Default `SESSION_SECRET`. */
  secretId?: SecretId
  /** What it was signed with before: such cookies are still taken, and signed anew. Drop it after `maxAge`. */
  previousSecretId?: SecretId
  /** Seconds; default a week. Renewed when half of it has passed. */
  maxAge?: number
  /** Seconds from signing in, however often the cookie was renewed; default 30 days. */
  lifetime?: number
  cookie?: Pick<CookieOptions, 'domain' | 'path' | 'secure' | 'sameSite'>
  /** Other origins that may send unsafe requests with the cookie, such as `https://admin.example.com`. */
  trustedOrigins?: string[]
  /** `false` takes unsafe requests from other sites, too: for an API whose every change asks for something else besides. */
  csrf?: boolean
}

/** The session in a signed cookie (HttpOnly, SameSite=Lax). Unsafe requests from another site are a 403. */
export declare function authCookie(options?: AuthCookieOptions): Middleware

export interface AuthAPIKeyOptions {
  /** Where the key stands. Default the header `x-api-key`. */
  header?: string
  query?: string
  /** The secret with the one key that is valid … */
  secretId?: SecretId
  /** … or what to look it up with. */
  session?: (key: string, services: SingletonServices) => UserSession | undefined | Promise<UserSession | undefined>
}

export declare function authAPIKey(options: AuthAPIKeyOptions): Middleware

export interface CsrfOptions {
  /** Other origins that may send unsafe requests, such as `https://admin.example.com`. */
  trustedOrigins?: readonly string[]
}

/** Unsafe requests that a browser sends for another site are a 403, signed in or not: for a form to sign in with. */
export declare function csrf(options?: CsrfOptions): Middleware

export interface CsrfTokenOptions {
  /** Default `SESSION_SECRET`. */
  secretId?: SecretId
  /** The cookie that a page's script reads the token from. Default `csrf`. */
  cookie?: string
  /** The header in which it comes back. Default `x-csrf-token`. */
  header?: string
}

/**
 * Unsafe requests with a cookie must bring the session's own token as a header: for cookies with `sameSite: 'none'`, and
 * for browsers that don't say where a request comes from. Stands after `authCookie`.
 */
export declare function csrfToken(options?: CsrfTokenOptions): Middleware

export interface RateLimitOptions {
  /** So many calls at once, and as many again over the window. */
  limit: number
  /** `10s`, `1m`, `1h`, or milliseconds. */
  window: string | number
  /** Who is counted; undefined: nobody is. Default: the session's user, else the address of who sent the request. */
  key?: (wire: Wire) => string | undefined | Promise<string | undefined>
  /** Tells several limits of one function apart. Default `default`. */
  name?: string
}

/**
 * 429 beyond the limit, with `Retry-After`. Each function is counted for itself: on Cloudflare for all its callers
 * together, in a process by that process. What has no key, as a job or a task, isn't counted.
 */
export declare function rateLimit(options: RateLimitOptions): Middleware

export interface SignedWebhookOptions {
  /** Whose headers: Standard Webhooks (the default), GitHub's `X-Hub-Signature-256`, `Stripe-Signature`. */
  scheme?: 'standard' | 'github' | 'stripe'
  secretId: SecretId
  /** The secret that was there before, while senders still sign with it. */
  previousSecretId?: SecretId
  /** How far the time of signing may be from now, 5m by default; GitHub signs none. */
  tolerance?: number | string
}

/** Lets through what is signed with the secret, over the body as it came; anything else is a 401. */
export declare function signedWebhook(options: SignedWebhookOptions): Middleware

export interface CorsOptions {
  /** Default "*", without credentials. */
  origin?: string | readonly string[] | ((origin: string) => boolean)
  methods?: readonly string[]
  headers?: readonly string[]
  exposeHeaders?: readonly string[]
  credentials?: boolean
  /** Seconds. */
  maxAge?: number
}

export declare function cors(options?: CorsOptions): Middleware

export interface SecureHeadersOptions {
  /** Extra headers; null leaves one of the defaults out. */
  headers?: Readonly<Record<string, string | null>>
}

export declare function secureHeaders(options?: SecureHeadersOptions): Middleware
