/** Which server the processes of a deployment share, as the environment says it. Knows URLs, and lets no password out. */
import { readText, type Environment } from '../core/environment.ts'
import { ServiceUnavailableError } from '../core/errors.ts'
import { keepSecret } from '../core/secrets.ts'

export interface Place {
  readonly kind: 'postgres' | 'redis'
  /** The variable that names it. */
  readonly variable: string
  readonly url: URL
  /** For people: without user and password. */
  readonly name: string
}

export const STORE = 'UNITGRAPH_STORE'
export const BUS = 'UNITGRAPH_BUS'

const KINDS: Readonly<Record<string, { readonly kind: Place['kind']; readonly title: string }>> = {
  'postgres:': { kind: 'postgres', title: 'PostgreSQL' },
  'postgresql:': { kind: 'postgres', title: 'PostgreSQL' },
  'redis:': { kind: 'redis', title: 'Redis' },
  'rediss:': { kind: 'redis', title: 'Redis' },
}

/** Undefined where nothing is said. The value of what is wrong is in no message: it may hold a password. */
export const readPlace = (env: Environment, variable: string): Place | undefined => {
  const text = readText(env, variable)
  if (text === undefined || text === '') return undefined
  const url = URL.canParse(text) ? new URL(text) : undefined
  const known = url && Object.hasOwn(KINDS, url.protocol) ? KINDS[url.protocol] : undefined
  if (!url || !known || !url.hostname) {
    throw new Error(`${variable} is no URL of PostgreSQL (postgres://host/database) or Redis (redis://host, rediss://host)`)
  }
  for (const secret of [text, url.password, decoded(url.password)]) keepSecret(secret)
  return { kind: known.kind, variable, url, name: `${known.title} at ${url.host}${url.pathname === '/' ? '' : url.pathname}` }
}

const decoded = (text: string): string => {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** Why a place can't be used, in a sentence that names what to change. */
export const unusable = ({ variable, name }: Place, error: unknown): Error => {
  // what a caller is told of a server that is away says nothing to whoever set the variable
  const cause = error instanceof ServiceUnavailableError ? error.cause : error
  const why = cause instanceof Error ? cause.message : String(cause)
  return new Error(`${variable}: ${name} can't be used: ${why}`, { cause: error })
}
