/** `#pikku/queue`: who works on a queue's jobs. */
import type { AnyFunction } from './function.js'
import type { Middleware, Permissions } from './middleware.js'

export interface QueueWorkerConfig {
  batchSize?: number
  concurrency?: number
  maxRetries?: number
  retryDelay?: number | string
  deadLetterQueue?: string
  visibilityTimeout?: number
  [option: string]: unknown
}

export interface QueueWorker {
  queue?: string
  name?: string
  func: AnyFunction
  config?: QueueWorkerConfig
  middleware?: readonly Middleware[]
  permissions?: Permissions<unknown>
  tags?: readonly string[]
}

export declare function wireQueueWorker(worker: QueueWorker): void
