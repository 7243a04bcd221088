/** `#pikku/queue`: who works on a queue's jobs. */
import type { AnyFunction } from './function.js'
import type { Middleware, Permissions } from './middleware.js'

/** Constants all of them: a platform that has queues is told them when the unit is deployed. */
export interface QueueWorkerConfig {
  /** How many jobs are fetched at once, 1 to 100. Default 10. */
  batchSize?: number
  /** How long a platform may wait for a batch to fill, up to 60s. Default 1s; in the executable nothing waits. */
  batchTimeout?: number | string
  /** How many jobs run at the same time, in each process or in all workers together. Default `batchSize`. */
  concurrency?: number
  /** How often a job that failed is tried again, up to 100. Default 3. */
  maxRetries?: number
  /** Before the first retry. Milliseconds or `30s`, `5m`, `2h`, up to 12h. Default 5s. */
  retryDelay?: number | string
  /** Exponential, the default: each further retry waits twice as long, up to 12h. */
  backoff?: 'fixed' | 'exponential'
  /** Where jobs go that failed for the last time, and those whose data is not valid. Default: they are given up. */
  deadLetterQueue?: string
  /** How long one attempt may take. Milliseconds or `30s`, `5m`, up to 15m, the default. */
  timeout?: number | string
  /** Seconds after which the jobs of a process that died are taken by another, 1 to 3600. Default 30. */
  visibilityTimeout?: number
  /** Options of other queues have no effect. */
  [option: string]: unknown
}

export interface QueueWorker {
  /** Or `name`, or `queueName`. */
  queue?: string
  name?: string
  queueName?: string
  func: AnyFunction
  config?: QueueWorkerConfig
  /** Names of errors that another attempt would not change: a job that throws one is given up at once. */
  errors?: readonly string[]
  middleware?: readonly Middleware[]
  permissions?: Permissions<unknown>
  tags?: readonly string[]
}

export declare function wireQueueWorker(worker: QueueWorker): void
