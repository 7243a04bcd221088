/** The schemas of what is offered: those from types are in the entry, a function's own are asked of its unit. */
import type { Call } from '../core/call.ts'
import { dispatch } from '../core/dispatch.ts'
import { loggerOf } from '../core/failure.ts'
import type { Unit } from '../core/unit.ts'
import type { Described } from './describe.ts'
import type { Item, JsonSchema } from './items.ts'

export interface Schemas {
  readonly input: JsonSchema
  /** Undefined where the function gives no object, or nobody says what it gives. */
  readonly output: JsonSchema | undefined
}

/** How long a unit's own word is believed: it may be deployed anew while its gateway stays. */
const KEPT_MS = 60_000

export const wiringOf = (item: Item): string => `mcp ${item.kind} ${item.name}`

/** Arguments are an object in the protocol, so a schema that leaves the type open means that. */
const asObject = (schema: unknown): JsonSchema | undefined => {
  if (typeof schema !== 'object' || schema === null) return undefined
  const { $schema, ...rest } = schema as JsonSchema
  return (rest['type'] ?? 'object') === 'object' ? { ...rest, type: 'object' } : undefined
}

const settled = (item: Item, told: Described): Schemas => ({
  input: asObject(told.input ?? item.input) ?? { type: 'object' },
  output: item.kind === 'tool' && (!item.returnsContent || told.output !== undefined) ? asObject(told.output ?? item.output) : undefined,
})

export const createSchemas = (unit: Unit): ((item: Item, call: Call) => Promise<Schemas>) => {
  const known = new Map<Item, { readonly found: Promise<Schemas>; readonly until: number }>()
  const ask = async (item: Item, call: Call): Promise<Schemas> => {
    const errand = { transport: 'mcp', wiring: wiringOf(item), describes: true } as const
    try {
      return settled(item, ((await dispatch(unit, item.function, undefined, errand, call)) ?? {}) as Described)
    } catch (error) {
      known.delete(item)
      const logger = await loggerOf(unit)
      logger.warn(`What ${item.function} takes isn't known`, { error, requestId: call.requestId })
      return settled(item, {})
    }
  }
  return (item, call) => {
    if (!item.asks) return Promise.resolve(settled(item, {}))
    const kept = known.get(item)
    if (kept && kept.until > Date.now()) return kept.found
    const found = ask(item, call)
    known.set(item, { found, until: Date.now() + KEPT_MS })
    return found
  }
}
