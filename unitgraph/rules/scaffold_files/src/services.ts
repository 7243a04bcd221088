import { pikkuConfig, pikkuServices } from '#pikku'
import { Notes } from './notes.ts'

export const createConfig = pikkuConfig(async () => ({ greeting: 'Hello' }))

/** A function takes what it needs from here; its unit holds that and nothing else. */
export const createSingletonServices = pikkuServices(async () => ({
  notes: new Notes(),
}))
