/** Services that end: those of one call, made by a project's `pikkuWireServices`, and all of them as a process ends. */
import type { Logger } from '../types/services.ts'
import type { Wire } from '../types/wire.ts'
import type { Services, WireServicesFactory } from './services.ts'

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

const open = async (make: WireServicesFactory, services: Services, wire: Wire): Promise<Services> =>
  ((await make(services as never, wire as never)) ?? {}) as Services

const close = (own: Services, services: Services): Promise<void> => closeServices(own, services['logger'] as Logger, services)

export const owned = { open, close }
