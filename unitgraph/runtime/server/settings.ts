/** What a server process takes from its environment. */
import { readText, type Environment } from '../core/environment.ts'

export interface Settings {
  readonly port: number
  readonly hostname: string
  /** How long requests that are under way may take once the process is asked to stop. */
  readonly shutdownTimeoutMs: number
  /** How many proxies stand before the process, each of which adds to `X-Forwarded-For` who asked it. */
  readonly trustedProxies: number
}

const number = (env: Environment, name: string, fallback: number, most: number, problems: string[]): number => {
  const text = readText(env, name)
  if (text === undefined || text === '') return fallback
  const value = Number(text)
  if (Number.isInteger(value) && value >= 0 && value <= most) return value
  problems.push(`${name} is ${JSON.stringify(text)}, not a whole number from 0 to ${most}`)
  return fallback
}

/** `problems` gets a line for every setting that is wrong. */
export const readSettings = (env: Environment, problems: string[]): Settings => ({
  port: number(env, 'PORT', 3000, 65_535, problems),
  hostname: readText(env, 'HOST') ?? '0.0.0.0',
  shutdownTimeoutMs: number(env, 'UNITGRAPH_SHUTDOWN_TIMEOUT', 10, 3600, problems) * 1000,
  trustedProxies: number(env, 'UNITGRAPH_TRUSTED_PROXIES', 0, 16, problems),
})
