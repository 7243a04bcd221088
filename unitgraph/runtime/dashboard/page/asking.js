/** What the page asks of the server. Knows paths and statuses. */

/** @import { Filters, GraphView, Page } from './told.ts' */

const TOP = new URL('..', import.meta.url).pathname.replace(/\/$/, '')

export class Refused extends Error {
  /** @param {number} status @param {string} message */
  constructor(status, message) {
    super(message)
    this.status = status
  }
}

/** @param {string} method @param {string} path @param {unknown} [body] @returns {Promise<any>} */
const ask = async (method, path, body) => {
  const response = await fetch(`${TOP}${path}`, {
    method, cache: 'no-store', ...(body !== undefined && { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
  }).catch(() => { throw new Refused(0, 'The server can’t be reached') })
  const text = await response.text()
  const isJson = response.headers.get('content-type')?.startsWith('application/json')
  const said = isJson && text ? JSON.parse(text) : undefined
  if (!response.ok) throw new Refused(response.status, said?.error ?? `The server answered ${response.status}`)
  return said
}

/** @param {string} id */
const runPath = (id) => `/runs/${encodeURIComponent(id)}`

/** @returns {Promise<{ project: string, by: 'cookie' | 'bearer' | null }>} */
export const session = () => ask('GET', '/dashboard/session')
/** @param {string} token */
export const signIn = (token) => ask('POST', '/dashboard/session', { token })
export const signOut = () => ask('DELETE', '/dashboard/session')

/** @type {Readonly<Record<string, number>>} */
const SINCE_MS = { hour: 3_600_000, day: 86_400_000, week: 7 * 86_400_000 }

/** @param {Filters} filters @param {string | null} before @returns {Promise<Page>} */
export const runs = ({ text, name, status, since }, before) => {
  const ago = SINCE_MS[since]
  const query = Object.entries({ text, name, status, before: before ?? '', since: ago === undefined ? '' : String(Date.now() - ago) })
    .filter(([, value]) => value !== '')
  return ask('GET', `/runs?${new URLSearchParams(query)}`)
}

/** @returns {Promise<readonly string[]>} */
export const workflows = async () => (await ask('GET', '/workflows')).workflows.map((/** @type {{ name: string }} */ { name }) => name)

/** @param {string} name @returns {Promise<GraphView | null>} */
export const graph = async (name) => (await ask('GET', `/workflows/${encodeURIComponent(name)}`)).graph

/** @param {string} id @param {'approve' | 'event' | 'cancel' | 'resume' | 'fork'} what @param {object} body */
export const act = (id, what, body) => ask('POST', `${runPath(id)}/${what}`, body)

/** @param {string} id */
export const events = (id) => new EventSource(`${TOP}${runPath(id)}/events`)
