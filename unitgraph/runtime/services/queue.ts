/** The service `queueService` on Cloudflare, for units that take it: each queue is a binding. */
import { createQueueService } from '../queue/service.ts'
import type { QueueService } from '../types/services.ts'

interface Producer {
  send(body: string, options: { contentType: 'text'; delaySeconds?: number }): Promise<unknown>
}

/** Queue → binding. */
export const queueService = (bindings: Readonly<Record<string, string>>) =>
  (base: Readonly<Record<string, unknown>>): QueueService => {
    const env = base['bindings'] as Readonly<Record<string, unknown>>
    return createQueueService((queue) => Object.hasOwn(bindings, queue), async (queue, { text, delayMs }) => {
      const producer = env[bindings[queue] ?? ''] as Producer | undefined
      if (!producer) throw new Error(`The queue ${queue} is not bound: ${bindings[queue]} is missing`)
      await producer.send(text, { contentType: 'text', ...(delayMs > 0 && { delaySeconds: Math.ceil(delayMs / 1000) }) })
    })
  }
