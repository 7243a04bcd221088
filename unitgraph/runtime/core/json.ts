/** JSON from outside made safe, and JSON between units that keeps what plain JSON loses. */
import { BadRequestError } from './errors.ts'

const MAX_DEPTH = 64

/** Refuses what later code could trip over: keys that reach a prototype, and nesting that exhausts a stack. */
const inspect = (value: unknown, depth: number, what: string): void => {
  if (typeof value !== 'object' || value === null) return
  if (depth > MAX_DEPTH) throw new BadRequestError(`The ${what} is nested more than ${MAX_DEPTH} levels deep`)
  if (Array.isArray(value)) for (const item of value) inspect(item, depth + 1, what)
  else {
    for (const key of Object.keys(value)) {
      const inner = (value as Record<string, unknown>)[key]
      refuseKey(key, inner)
      inspect(inner, depth + 1, what)
    }
  }
}

/** Refuses what no name may be in data from outside, and what is nested too deep. */
export const refuseKeys = (value: unknown, what: string): void => inspect(value, 1, what)

export const refuseKey = (key: string, value?: unknown): void => {
  const reaches = key === 'constructor' && typeof value === 'object' && value !== null && Object.hasOwn(value, 'prototype')
  if (key === '__proto__' || reaches) throw new BadRequestError(`The name ${key} is not allowed`)
}

export const parseJson = (text: string, what = 'body'): unknown => {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new BadRequestError(`The ${what} is not valid JSON`)
  }
  inspect(value, 1, what)
  return value
}

/** A client's JSON: a bigint is its decimal text. */
export const toJson = (value: unknown): string => {
  try {
    return JSON.stringify(value)
  } catch {
    // a function that looks at every value costs more than all the rest, and few have a bigint
    return JSON.stringify(value, (_key, item: unknown) => (typeof item === 'bigint' ? String(item) : item))
  }
}

const TAG = '$unitgraph'

/** Between units, what is no JSON arrives as what it was: dates, bigints, bytes, maps, sets. */
export const pack = (value: unknown): string =>
  JSON.stringify(value, function (this: Record<string, unknown>, key, item: unknown) {
    const raw = this[key]
    if (raw instanceof Date) return { [TAG]: 'date', v: raw.getTime() }
    if (typeof raw === 'bigint') return { [TAG]: 'bigint', v: String(raw) }
    if (raw instanceof Uint8Array) return { [TAG]: 'bytes', v: Array.from(raw) }
    if (raw instanceof Map) return { [TAG]: 'map', v: [...raw] }
    if (raw instanceof Set) return { [TAG]: 'set', v: [...raw] }
    // data that looks like a tag stays data
    if (typeof item === 'object' && item && TAG in item) return { [TAG]: 'object', v: Object.entries(item) }
    return item
  })

const REVIVE: Record<string, (v: never) => unknown> = {
  date: (v: number) => new Date(v),
  bigint: (v: string) => BigInt(v),
  bytes: (v: number[]) => Uint8Array.from(v),
  map: (v: [unknown, unknown][]) => new Map(v),
  set: (v: unknown[]) => new Set(v),
  object: (v: [string, unknown][]) => Object.fromEntries(v),
}

export const unpack = (text: string): unknown =>
  JSON.parse(text, (_key, item: unknown) => {
    const tag = (item as Record<string, unknown> | null)?.[TAG]
    const revive = typeof tag === 'string' && Object.hasOwn(REVIVE, tag) ? REVIVE[tag] : undefined
    return revive ? revive((item as { v: never }).v) : item
  })
