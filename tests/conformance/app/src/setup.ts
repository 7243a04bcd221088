import { pikkuConfig, pikkuServices, pikkuWireServices } from '#pikku'
import { Shelf } from './lib/shelf.ts'

export const createConfig = pikkuConfig(async (variables) => ({
  logLevel: 'info' as const,
  greeting: variables.get('GREETING') ?? 'hello',
}))

export const createSingletonServices = pikkuServices(async (config) => ({
  shelf: new Shelf(config.greeting),
}))

/** One a call; it says when it is closed. */
export const createWireServices = pikkuWireServices(async ({ logger }) => ({
  desk: { opened: true, close: async () => logger.debug('desk closed') },
}))
