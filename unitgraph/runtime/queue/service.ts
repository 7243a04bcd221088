/** `queueService`: jobs from any function to any queue. Knows what may be added, not how a queue keeps it. */
import { NotFoundError } from '../core/errors.ts'
import type { QueueService } from '../types/services.ts'
import { writeMessage, type Message } from './message.ts'

/** Resolves once the queue has the message for certain. */
export type Put = (queue: string, message: Message) => Promise<void>

export const createQueueService = (isKnown: (queue: string) => boolean, put: Put): QueueService => ({
  add: async (queue: string, data: unknown, options = {}) => {
    if (!isKnown(queue)) throw new NotFoundError('There is no queue of this name', { cause: queue })
    const message = writeMessage(data, options)
    await put(queue, message)
    return message.id
  },
})
