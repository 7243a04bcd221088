/** The lifecycle of services: built once, shared, closed at the end. Knows no service by what it does. */
import type { CoreConfig, Logger } from '../types/services.ts'
import type { Call } from './call.ts'
import { bindingsOf, createVariables, readText, type Environment, type Values } from './environment.ts'
import { childLater, createLogger, type Write } from './logger.ts'
import type { Pieces } from './unit.ts'

export type Services = Record<string, unknown>

/** Where services are built. */
export interface Place {
  readonly env: Environment
  /** Its name; empty for a Worker. */
  readonly project: string
  /** The folder that a process keeps its data in. */
  folder(): string
}

/** Built-in services which only some units use, such as `jwt`: name → what builds it. */
export type Builtins = Readonly<Record<string, (base: Services, place: Place) => unknown>>

type ConfigFactory = (variables: never) => unknown
type ServicesFactory = (config: never, existing: never) => unknown
export type WireServicesFactory = (services: never, wire: never) => unknown

export interface ServicesOptions {
  config?: ConfigFactory | undefined
  services?: ServicesFactory | undefined
  builtins?: Builtins | undefined
  project?: string | undefined
  /** Where a process keeps its data; a Worker has no folder. */
  folder?: ((env: Environment) => string) | undefined
  pieces?: Pieces | undefined
  /** Where lines of the log go, other than to the console. */
  write?: Write | undefined
}

/** One result for all callers, however many there are at once; a failure is not kept. */
export const once = <T>(make: () => Promise<T>): (() => Promise<T>) => {
  let made: Promise<T> | undefined
  return () => {
    made ??= make().catch((error: unknown) => {
      made = undefined
      throw error
    })
    return made
  }
}

export const buildServices = async (options: ServicesOptions, env: Environment, values?: Values): Promise<Services> => {
  const variables = createVariables(env, values)
  const config = ((await options.config?.(variables as never)) ?? {}) as CoreConfig
  const existing: Services = {
    logger: createLogger({
      level: config.logLevel ?? (readText(env, 'LOG_LEVEL') as CoreConfig['logLevel']),
      format: config.logFormat ?? (readText(env, 'LOG_FORMAT') as CoreConfig['logFormat']),
      write: options.write,
    }),
    variables,
    bindings: bindingsOf(env),
    ...options.pieces?.secrets?.(env, values),
    ...options.pieces?.promised?.(),
  }
  // a Worker has no folder, and no service that asks for one
  const place: Place = { env, project: options.project ?? '', folder: () => options.folder!(env) }
  for (const [name, build] of Object.entries(options.builtins ?? {})) existing[name] = await build(existing, place)
  const own = (await options.services?.(config as never, existing as never)) as Services | undefined
  return { ...existing, ...own, config }
}

/** The services of one call: the same, with a logger that says which call, and which function, it is. */
export const servicesOfCall = (services: Services, call: Call, functionId?: string): Services => {
  const logger = services['logger'] as Logger
  const fields = (): Record<string, unknown> =>
    functionId === undefined ? { requestId: call.requestId } : { requestId: call.requestId, traceId: call.traceId, function: functionId, ...call.fields }
  const later = childLater(logger, fields)
  if (later) return { ...services, logger: later }
  let own: Logger | undefined
  return {
    ...services,
    // made for who writes a line
    get logger() {
      return (own ??= logger.child?.(fields()) ?? logger)
    },
  }
}
