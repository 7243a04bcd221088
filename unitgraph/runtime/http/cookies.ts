/** Cookies (RFC 6265): read from a request, written for a response. */
import type { CookieOptions } from '../types/wire.ts'
import { decode } from './path.ts'

export const readCookie = (header: string | undefined, name: string): string | undefined => {
  for (const pair of (header ?? '').split(';')) {
    const equals = pair.indexOf('=')
    if (equals < 0 || pair.slice(0, equals).trim() !== name) continue
    const value = pair.slice(equals + 1).trim().replace(/^"(.*)"$/, '$1')
    return decode(value)
  }
  return undefined
}

const ATTRIBUTES: readonly [keyof CookieOptions, string][] = [
  ['maxAge', 'Max-Age'], ['expires', 'Expires'], ['domain', 'Domain'], ['path', 'Path'], ['httpOnly', 'HttpOnly'],
  ['secure', 'Secure'], ['sameSite', 'SameSite'], ['partitioned', 'Partitioned'],
]

/** A value of null ends the cookie. */
export const writeCookie = (name: string, value: string | null, options: CookieOptions): string => {
  const all: CookieOptions = { path: '/', ...options, ...(value === null && { maxAge: 0, expires: new Date(0) }) }
  if (!/^[\w!#$%&'*.^`|~+-]+$/.test(name)) throw new Error(`${name} is not a name for a cookie`)
  let text = `${name}=${encodeURIComponent(value ?? '')}`
  for (const [key, attribute] of ATTRIBUTES) {
    const given = all[key]
    // what stands as it is must not be able to add attributes of its own
    if (/[;\r\n]/.test(String(given))) throw new Error(`The cookie ${name} has an invalid ${attribute}`)
    if (given === true) text += `; ${attribute}`
    else if (given !== undefined && given !== false) text += `; ${attribute}=${given instanceof Date ? given.toUTCString() : given}`
  }
  return text
}
