import { addMiddleware, wireHTTP, wireQueueWorker, wireScheduler } from '#pikku'
import {
  add, aroundTag, aroundWiring, bury, chime, dawdle, guarded, hurry, linger, lonely, permitted, stumble, take, tick, work,
} from './functions.ts'

wireHTTP({ method: 'post', route: '/add', func: add, auth: false })

const quick = { batchTimeout: 0, retryDelay: 0, deadLetterQueue: 'dead' } as const
wireQueueWorker({ queue: 'work', func: work, config: { ...quick, maxRetries: 2, batchSize: 4, visibilityTimeout: 1 }, errors: ['HopelessError'] })
wireQueueWorker({ name: 'mailOut', func: work, config: { ...quick, retryDelay: '1s', maxRetries: 2 }, middleware: [aroundWiring], tags: ['said'] })
wireQueueWorker({ name: 'any', func: take, config: quick })
wireQueueWorker({ name: 'hasty', func: hurry, config: { ...quick, timeout: 200, maxRetries: 1, backoff: 'fixed' } })
wireQueueWorker({ name: 'guarded', func: guarded, config: quick })
wireQueueWorker({ name: 'permitted', func: permitted, config: quick, permissions: { nobody: async () => false } })
wireQueueWorker({ name: 'lonely', func: lonely, config: { batchTimeout: 0, maxRetries: 0 } })
wireQueueWorker({ name: 'lingering', func: linger, config: { ...quick, concurrency: 1, visibilityTimeout: 1 } })
wireQueueWorker({ name: 'dead', func: bury, config: { batchTimeout: 0 } })

addMiddleware('said', [aroundTag])

wireScheduler({ schedule: '30 4 * * 1-5', func: tick, tags: ['said'] })
wireScheduler({ name: 'sunday', schedule: '30 4 * * 7', func: tick })
wireScheduler({ name: 'every-minute', schedule: '* * * * *', func: chime })
wireScheduler({ name: 'every-minute-too', schedule: '* * * * *', func: chime })
wireScheduler({ name: 'dawdling', schedule: '6 6 6 6 *', func: dawdle, overlap: 'skip', missed: 'run' })
wireScheduler({ name: 'stumbling', schedule: '5 5 5 5 *', func: stumble })
