/// <reference path="./modules.d.ts" />
/**
 * Where a process' secrets and variables come from besides its environment: files named in `<id>_FILE`, as Docker gives
 * secrets, and one file of many, `UNITGRAPH_SECRETS_FILE`. What the environment says itself stands.
 */
import { readFileSync } from 'node:fs'
import { parseEnv } from 'node:util'
import type { Environment } from '../core/environment.ts'

const MANY = 'UNITGRAPH_SECRETS_FILE'

/** What a process reads for itself. */
const OURS = [
  'UNITGRAPH_RPC_SECRET', 'UNITGRAPH_TOKEN', 'UNITGRAPH_STORE', 'UNITGRAPH_BUS', 'DATABASE_URL', 'STORAGE_URL', 'AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN',
]

const textOf = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value))

/** A JSON object, or lines of `NAME=value`. */
const parse = (text: string): Record<string, string> => {
  if (!text.trimStart().startsWith('{')) return parseEnv(text)
  let found: object
  try {
    found = JSON.parse(text) as object
  } catch {
    throw new Error('it begins like JSON and is none')
  }
  return Object.fromEntries(Object.entries(found).map(([name, value]) => [name, textOf(value)]))
}

const isSet = (env: Environment, name: string): boolean => typeof env[name] === 'string' && env[name] !== ''

/** The environment with what the files say; `problems` gets a line for each that can't be read. */
export const withFiles = (env: Environment, ids: readonly string[], problems: string[]): Environment => {
  const read = (name: string): string | undefined => {
    const path = String(env[name])
    try {
      return readFileSync(path, 'utf8')
    } catch (error) {
      problems.push(`${path}, which ${name} names, can't be read: ${(error as { code?: string }).code ?? 'no file'}`)
      return undefined
    }
  }
  const found: Record<string, unknown> = {}
  const many = isSet(env, MANY) ? read(MANY) : undefined
  try {
    Object.assign(found, many === undefined ? {} : parse(many))
  } catch (error) {
    problems.push(`${env[MANY]}, which ${MANY} names, holds no secrets: ${(error as Error).message}`)
  }
  for (const id of new Set([...ids, ...OURS])) {
    const name = `${id}_FILE`
    if (!isSet(env, name)) continue
    if (isSet(env, id)) problems.push(`${id} and ${name} are both set: one of them is meant`)
    else {
      const text = read(name)
      // editors and `echo` end a file with a line break that is no part of the secret
      if (text !== undefined) found[id] = text.replace(/\r?\n$/, '')
    }
  }
  const given = Object.entries(env).filter(([name, value]) => value !== '' || !Object.hasOwn(found, name))
  return { ...found, ...Object.fromEntries(given) }
}
