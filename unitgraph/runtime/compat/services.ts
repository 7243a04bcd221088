/** `@pikku/core/services`: the built-in services by the names that projects import. */
import { createVariables, type Environment } from '../core/environment.ts'
import { createLogger } from '../core/logger.ts'
import { createSecrets } from '../core/secret-service.ts'
import { createMemoryStore } from '../services/kv/memory.ts'
import { batch as runBatch } from '../services/db/batch.ts'
import type * as api from '../types/services.ts'

const ofProcess = (): Environment => (globalThis as { process?: { env: Environment } }).process?.env ?? {}

export const ConsoleLogger: typeof api.ConsoleLogger = class {
  constructor(level: api.LogLevel = 'info') {
    Object.assign(this, createLogger({ level, format: 'pretty' }))
  }
} as typeof api.ConsoleLogger

export const LocalVariablesService: typeof api.LocalVariablesService = class {
  constructor(environment: Environment = ofProcess()) {
    Object.assign(this, createVariables(environment))
  }
} as typeof api.LocalVariablesService

export const LocalSecretService: typeof api.LocalSecretService = class {
  constructor(environment: Environment = ofProcess()) {
    Object.assign(this, createSecrets(environment))
  }
} as typeof api.LocalSecretService

export const LocalKeyValueStore: typeof api.LocalKeyValueStore = class {
  constructor() {
    Object.assign(this, createMemoryStore())
  }
} as typeof api.LocalKeyValueStore

export const batch: typeof api.batch = runBatch as never

export type * from '../types/services.ts'
