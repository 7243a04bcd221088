/** The process or isolate: what a project gives to all its units. */
import type { Settings } from '../settings.ts'
import { readText, type Environment, type Values } from './environment.ts'
import { buildServices, once, type ServicesOptions, type WireServicesFactory } from './services.ts'
import type { Host } from './unit.ts'

export interface ProjectOptions extends ServicesOptions {
  readonly project: string
  readonly release?: string | undefined
  readonly wireServices?: WireServicesFactory | undefined
  /** What its secrets and variables must be: `settings(…)`. */
  readonly settings?: Settings
}

export const createHost = (options: ProjectOptions, env: Environment, more: Pick<Host, 'find' | 'isFirst' | 'accept' | 'messages' | 'tell'> = {}, values?: Values): Host => {
  const host: { -readonly [Name in keyof Host]: Host[Name] } = {
    project: options.project,
    release: options.release ?? readText(env, 'UNITGRAPH_RELEASE'),
    env,
    wireServices: options.wireServices,
    services: once(async () => (host.built = await buildServices(options, env, values))),
    built: undefined,
    ...more,
  }
  return host
}
