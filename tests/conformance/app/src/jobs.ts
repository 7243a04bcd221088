/** Queues and schedules. */
import { wireQueueWorker, wireScheduler } from '#pikku'
import { guardedJob, lostLetter, sendLetter, tidy } from './jobs.functions.ts'

wireQueueWorker({ queue: 'letters', func: sendLetter, config: { batchTimeout: 0, retryDelay: 0, maxRetries: 1, deadLetterQueue: 'lost' } })
wireQueueWorker({ queue: 'guarded', func: guardedJob, config: { batchTimeout: 0, retryDelay: 0, maxRetries: 1, deadLetterQueue: 'lost' } })
wireQueueWorker({ queue: 'lost', func: lostLetter, config: { batchTimeout: 0 } })
wireScheduler({ name: 'tidy', schedule: '0 3 * * *', func: tidy })
