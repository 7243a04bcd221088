/**
 * Who may look after runs: whoever knows the token, as `Authorization: Bearer`, or by a cookie that signing in with it gave.
 * Nothing is kept but failures, so any process of a deployment knows the cookies of all; another token ends them.
 */
import { BadRequestError, ForbiddenError, MethodNotAllowedError, TooManyRequestsError, UnauthorizedError } from '../core/errors.ts'
import { parseJson } from '../core/json.ts'
import { keepSecret } from '../core/secrets.ts'
import { hmacKey, seal, toBytes, unseal } from '../core/text.ts'
import { readCookie, writeCookie } from '../http/cookies.ts'
import { isForeign } from '../http/origin.ts'
import type { CookieOptions } from '../types/wire.ts'

export const TOKEN = 'UNITGRAPH_DASHBOARD_TOKEN'
/** Nobody guesses as many. */
const SHORTEST = 16
const SIGNED_IN_MS = 12 * 3_600_000
/** From one address, in a minute. */
const MOST_FAILURES = 10
const WINDOW_MS = 60_000
/** Addresses that are remembered, before those whose minute is over are forgotten. */
const MANY = 1000
const LONGEST = 4096
const PURPOSE = 'dashboard'

export interface Auth {
  /** Who it is by what; throws for whoever may not. */
  check(request: Request, ip: string | undefined): Promise<'bearer' | 'cookie'>
  /** POST signs in, DELETE signs out. */
  session(request: Request, ip: string | undefined): Promise<Response>
}

/** Throws for a token that could be guessed. */
export const checkToken = (token: string): string => {
  if (token.length < SHORTEST || /\s/.test(token)) {
    throw new Error(`${TOKEN} is too short, or has spaces: make one of ${SHORTEST} characters or more, as by \`openssl rand -hex 24\``)
  }
  keepSecret(token)
  return token
}

/** Of an IPv6 address the part that one customer has. */
const neighbourhood = (ip: string): string => (ip.includes(':') && !ip.includes('.') ? ip.split(':').slice(0, 4).join(':') : ip)

const createThrottle = (now: () => number) => {
  const failures = new Map<string, { count: number; readonly until: number }>()
  return {
    check: (ip: string): void => {
      const known = failures.get(neighbourhood(ip))
      if (!known || known.until <= now()) return
      if (known.count >= MOST_FAILURES) throw new TooManyRequestsError('Too many wrong tokens came from there: wait a minute')
    },
    fail: (ip: string): void => {
      if (failures.size >= MANY) for (const [key, { until }] of failures) if (until <= now()) failures.delete(key)
      const known = failures.get(neighbourhood(ip))
      if (known && known.until > now()) known.count += 1
      else failures.set(neighbourhood(ip), { count: 1, until: now() + WINDOW_MS })
    },
  }
}

/** In a time that doesn't depend on where they differ. */
const isSame = async (given: string, token: string): Promise<boolean> => {
  const key = await hmacKey(token)
  return crypto.subtle.verify('HMAC', key, await crypto.subtle.sign('HMAC', key, toBytes(given)), toBytes(token))
}

const refuseForeign = (request: Request): void => {
  const seen = { url: request.url, header: (name: string) => request.headers.get(name) ?? undefined }
  if (isForeign(seen, [])) throw new ForbiddenError('This came from another site')
}

const isSafe = ({ method }: Request): boolean => method === 'GET' || method === 'HEAD'

export const createAuth = (token: string, cookie: string, now: () => number = Date.now): Auth => {
  const throttle = createThrottle(now)

  const prove = async (given: string, ip = ''): Promise<void> => {
    throttle.check(ip)
    if (given.length <= LONGEST && (await isSame(given, token))) return
    throttle.fail(ip)
    throw new UnauthorizedError('That is not the token')
  }

  const cookieOf = (request: Request, value: string | null): string => {
    const isSecure = (request.headers.get('origin') ?? request.url).startsWith('https:')
    const options: CookieOptions = { path: '/__unitgraph/', httpOnly: true, sameSite: 'strict', secure: isSecure, maxAge: SIGNED_IN_MS / 1000 }
    return writeCookie(cookie, value, options)
  }

  const tokenIn = async (request: Request): Promise<string> => {
    const text = await request.text()
    const body = text.length <= LONGEST ? parseJson(text) : undefined
    const given = typeof body === 'object' && body !== null && 'token' in body ? body.token : undefined
    if (typeof given !== 'string') throw new BadRequestError('The body is an object with the token')
    return given
  }

  return {
    check: async (request, ip) => {
      const [, bearer] = /^Bearer +(\S+) *$/i.exec(request.headers.get('authorization') ?? '') ?? []
      if (bearer !== undefined) {
        await prove(bearer, ip)
        return 'bearer'
      }
      const sealed = readCookie(request.headers.get('cookie') ?? undefined, cookie)
      const known = sealed === undefined ? undefined : ((await unseal(PURPOSE, sealed, token)) as { until: number } | undefined)
      if (!known || known.until <= now()) throw new UnauthorizedError('Sign in with the token first')
      if (!isSafe(request)) refuseForeign(request)
      return 'cookie'
    },
    session: async (request, ip) => {
      refuseForeign(request)
      if (request.method === 'DELETE') return new Response(null, { status: 204, headers: { 'set-cookie': cookieOf(request, null) } })
      if (request.method !== 'POST') throw new MethodNotAllowedError('This answers POST and DELETE only')
      await prove(await tokenIn(request), ip)
      const sealed = await seal(PURPOSE, { until: now() + SIGNED_IN_MS }, token)
      return new Response(null, { status: 204, headers: { 'set-cookie': cookieOf(request, sealed) } })
    },
  }
}
