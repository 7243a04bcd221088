import { wireQueueWorker, wireScheduler } from '#pikku'
import { checkStock, reorderBook } from './stock.functions.ts'

wireScheduler({ name: 'check-stock', schedule: '0 6 * * *', func: checkStock })

wireQueueWorker({ name: 'reorders', func: reorderBook })
