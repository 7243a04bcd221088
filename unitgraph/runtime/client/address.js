/** From a route and data to a path, a query and what is left for a body. Knows no network. */

/** @typedef {Record<string, unknown>} Data */

const PARAMETER = /^:([^{?]+)(?:\{.*\})?(\?)?$/

/**
 * The parts of a route; a slash within braces is a part of a pattern.
 *
 * @param {string} route
 */
const partsOf = (route) => route.replace(/^\/+/, '').match(/(?:\{[^}]*\}|[^/{])+/g) ?? []

/** @param {string} name @param {unknown} value */
const word = (name, value) => {
  if (value instanceof Date) return value.toISOString()
  if (['string', 'number', 'boolean', 'bigint'].includes(typeof value)) return String(value)
  throw new TypeError(`${name} can't be part of a URL: it is ${value === null ? 'null' : typeof value}`)
}

/**
 * A part that is empty, or that URLs resolve (".", ".."), would lead to another route.
 *
 * @param {string} name @param {unknown} value
 */
const segment = (name, value) => {
  const text = word(name, value)
  if (text === '' || text === '.' || text === '..') throw new TypeError(`${name} can't be ${JSON.stringify(text)} in a path`)
  return encodeURIComponent(text)
}

/**
 * @param {string} route
 * @param {Data} data
 * @returns {{ path: string, rest: Data }} what the path took is not in `rest`
 */
export const fill = (route, data) => {
  const rest = { ...data }
  /** @type {string[]} */
  const path = []
  for (const part of partsOf(route)) {
    const [, named, optional] = PARAMETER.exec(part) ?? []
    const name = part === '*' ? '*' : named
    if (name === undefined) {
      path.push(encodeURI(part))
      continue
    }
    const value = rest[name]
    delete rest[name]
    if (value === undefined && (optional || part === '*')) continue
    if (value === undefined) throw new TypeError(`${route} needs ${name}`)
    if (part === '*') path.push(...word(name, value).split('/').map((one) => segment(name, one)))
    else path.push(segment(name, value))
  }
  return { path: `/${path.join('/')}`, rest }
}

/**
 * A list is a name given more than once; what is undefined is left out.
 *
 * @param {Data} data
 */
export const queryOf = (data) => {
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries(data)) {
    for (const one of Array.isArray(value) ? value : [value]) if (one !== undefined) query.append(name, word(name, one))
  }
  const text = query.toString()
  return text && `?${text}`
}

/** Whether a query can say it. @param {Data} data */
export const isFlat = (data) =>
  Object.values(data).flat().every((value) => value !== null && (typeof value !== 'object' || value instanceof Date))

/**
 * @param {string | URL | undefined} url
 * @returns {string} without a slash at its end
 */
export const baseOf = (url) => {
  const here = globalThis.location?.href
  if (url === undefined && !here) throw new TypeError('createClient needs a url: there is no page whose origin it could be')
  const base = new URL(url ?? '/', here)
  if (!/^https?:$/.test(base.protocol)) throw new TypeError(`${base.protocol} is not a protocol for calls`)
  return base.origin + base.pathname.replace(/\/+$/, '')
}
