import { wireQueueWorker, wireScheduler } from '#pikku'
import { checkStock, reorderBook } from './stock.functions.ts'

wireScheduler({ name: 'check-stock', schedule: '0 6 * * *', func: checkStock, missed: 'run' })

/** The supplier may be out for an hour; what fails then is looked at by people. */
wireQueueWorker({
  name: 'reorders',
  func: reorderBook,
  config: { maxRetries: 8, retryDelay: '15s', deadLetterQueue: 'reorders-failed' },
})
