/** Paths and routes: how they are compared, and which of two routes that match is meant. */

/** Where units call each other: a function's name follows. */
export const RPC_PATH = '/__unitgraph/rpc/'

/** A part of a path; undefined where its escapes are no text, or spell a NUL, at which other programs end a name. */
export const decodePart = (text: string): string | undefined => {
  if (!text.includes('%')) return text
  try {
    const decoded = decodeURIComponent(text)
    return decoded.includes('\0') ? undefined : decoded
  } catch {
    return undefined
  }
}

/** What is no valid escape stands for itself. */
export const decode = (text: string): string => decodePart(text) ?? text

/** RFC 3986 6.2.2: what needs no escape is not escaped, so that no pattern can be passed by in disguise. */
export const normalisePath = (pathname: string): string => {
  const path = !pathname.includes('%') ? pathname : pathname.replace(/%(?:[46][1-9a-f]|[57][0-9a]|3\d|2[de]|5f|7e)/gi, decodeURIComponent)
  return path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path
}

/** As it stands in a request's URL. */
export const normaliseRoute = (route: string): string => {
  const path = `/${route.replace(/^\/+/, '')}`.replace(/[^\x00-\x7f]+/g, encodeURIComponent)
  return path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path
}

/** A digit a part, fixed 0 to wildcard 4. */
const rankOf = (part: string): number => {
  if (part === '*') return 4
  if (!part.startsWith(':')) return 0
  return part.endsWith('?') ? 3 : part.includes('{') ? 1 : 2
}

const rank = (route: string): string => route.split('/').map(rankOf).join('')

/** A fixed part stands before a parameter, a parameter before a wildcard, whatever the order in the source. */
export const bySpecificity = (a: { route: string }, b: { route: string }): number => {
  const [left, right] = [rank(a.route), rank(b.route)]
  return left < right ? -1 : left > right ? 1 : a.route < b.route ? -1 : a.route > b.route ? 1 : 0
}
