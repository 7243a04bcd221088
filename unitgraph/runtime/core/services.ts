/** The lifecycle of services: built once, shared, closed at the end. Knows no service by what it does. */
import type { CoreConfig, Logger } from '../types/services.ts'
import type { Call } from './call.ts'
import { bindingsOf, createSecrets, createVariables, readText, type Environment, type Values } from './environment.ts'
import { NotImplementedError } from './errors.ts'
import { childLater, createLogger, type Write } from './logger.ts'

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

/** Stands for what this unit doesn't have: any use of it says so. */
export const unavailable = (message: string): unknown =>
  new Proxy({}, {
    get: (_target, method) =>
      // what is asked of any object: by await, by a printer, at shutdown
      typeof method === 'symbol' || ['then', 'toJSON', 'close', 'stop', 'onChannelOpened'].includes(method)
        ? undefined
        : () => {
            throw new NotImplementedError(message)
          },
  })

const PROMISED = ['jwt', 'queueService', 'eventHub', 'db', 'kv', 'storage', 'rateLimits']

const noFolder = (): never => {
  throw new Error('There is no folder for data here')
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
    secrets: createSecrets(env, values),
    bindings: bindingsOf(env),
  }
  for (const name of PROMISED) existing[name] = unavailable(`The service ${name} is not available here: return one from pikkuServices`)
  const place: Place = { env, project: options.project ?? '', folder: () => (options.folder ?? noFolder)(env) }
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

type Closeable = { stop?: unknown; close?: unknown; [Symbol.asyncDispose]?: unknown }

/** Closes what can be closed, last built first; one failure doesn't keep the others open. */
export const closeServices = async (services: Services, logger: Logger, except: Services = {}): Promise<void> => {
  const seen = new Set<unknown>([...Object.values(except), services['config']])
  for (const [name, service] of Object.entries(services).reverse()) {
    if (!service || !/object|function/.test(typeof service) || seen.has(service)) continue
    seen.add(service)
    const { [Symbol.asyncDispose]: dispose, close, stop } = service as Closeable
    const end = [dispose, close, stop].find((method) => typeof method === 'function') as (() => unknown) | undefined
    try {
      await end?.call(service)
    } catch (error) {
      logger.error(`The service ${name} could not be closed`, error)
    }
  }
}
