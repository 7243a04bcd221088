/** `#pikku/setup`: configuration and services, and how long they live. */
import type { BuiltinServices, Config, SingletonServices, VariablesService } from './services.js'
import type { Wire } from './wire.js'

type MaybePromise<T> = T | Promise<T>

/** Built once, before the services. */
export type ConfigFactory<C = Config> = (variables: VariablesService) => Promise<C>

/**
 * Built once for as long as the process or isolate lives. `existing` holds the built-in services; what is
 * returned is added to them, or takes their place. A service with `stop`, `close` or `Symbol.asyncDispose` is closed at shutdown.
 */
export type ServicesFactory<S = object> = (config: Config, existing: ExistingServices) => Promise<S>

/** Built for one call, closed after it. */
export type WireServicesFactory<S = object> = (services: SingletonServices, wire: Wire) => Promise<S>

export type ExistingServices = Omit<BuiltinServices, 'config'>

/** What a project gives; the built-in services are there whether or not it gives them as well. */
type Given<S, Core> = Omit<S, keyof Core> & Partial<S>

/** The types of factories that are plain functions: `createConfig`, `createSingletonServices`, `createWireServices`. */
export type CreateConfig<C = Config> = (variables: VariablesService) => Promise<C>
export type CreateSingletonServices<C = Config, S = SingletonServices> = (
  config: C, existing: ExistingServices,
) => Promise<Given<S, BuiltinServices>>
export type CreateWireServices<Singleton = SingletonServices, S = Singleton, Session = unknown> = (
  services: Singleton, wire: Wire<Session | undefined>,
) => Promise<Given<S, Singleton>>
export type CreateSessionServices<Singleton = SingletonServices, S = Singleton, Session = unknown> =
  CreateWireServices<Singleton, S, Session>

export declare function pikkuConfig<C extends object>(
  factory: (variables: VariablesService) => MaybePromise<C>,
): ConfigFactory<C>
export declare function pikkuServices<S extends object>(
  factory: (config: Config, existing: ExistingServices) => MaybePromise<S>,
): ServicesFactory<S>
export declare function pikkuWireServices<S extends object>(
  factory: (services: SingletonServices, wire: Wire) => MaybePromise<S>,
): WireServicesFactory<S>

/** Which services this unit uses: a constant in its bundle, so that the others' code vanishes from it. */
export declare const requiredSingletonServices: Readonly<Record<string, boolean>>
