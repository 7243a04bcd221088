import { pikkuConfig } from '#pikku'

export const createConfig = pikkuConfig(async () => ({ logLevel: 'debug' as const }))
