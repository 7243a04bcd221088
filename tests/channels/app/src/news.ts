/** What publishes from elsewhere, and listens over HTTP. */
import { pikkuSessionlessFunc, wireHTTP, wireQueueWorker } from '#pikku'
import { peek } from './chat.functions.ts'

export const publish = pikkuSessionlessFunc<{ topic: string; except?: string; data: unknown; asBytes?: boolean }, void>(
  async ({ eventHub }, { topic, except, data, asBytes = false }) => {
    await eventHub.publish(topic as 'news', except ?? null, asBytes ? new Uint8Array(data as number[]) : data)
  },
)
export const subscribe = pikkuSessionlessFunc<{ topic: string; channelId: string }, void>(
  async ({ eventHub }, { topic, channelId }) => eventHub.subscribe(topic as 'news', channelId),
)
export const later = pikkuSessionlessFunc<{ topic: string; data: unknown }, void>(async ({ queueService }, job) => {
  await queueService.add('news', job)
})
export const tell = pikkuSessionlessFunc<{ topic: string; data: unknown }, void>(async ({ eventHub }, { topic, data }) => {
  await eventHub.publish(topic as 'news', null, data)
})

/** Stays open until the client goes, or is told to end. */
export const listen = pikkuSessionlessFunc<{ topic: string }, { ended: boolean }>(async ({ eventHub, logger }, { topic }, { channel, signal, http }) => {
  const id = channel?.channelId ?? ''
  await eventHub.subscribe(topic as 'news', id)
  await channel?.send({ channelId: id, lastEventId: http?.request.header('last-event-id') ?? null })
  if (http?.request.header('accept')?.includes('event-stream') && !signal.aborted) {
    await new Promise((resolve) => signal.addEventListener('abort', resolve))
  }
  logger.info('listener gone', { channelId: id })
  return { ended: true }
})

wireHTTP({ method: 'post', route: '/publish', func: publish, auth: false })
wireHTTP({ method: 'post', route: '/subscribe', func: subscribe, auth: false })
wireHTTP({ method: 'post', route: '/later', func: later, auth: false })
wireHTTP({ method: 'get', route: '/peek', func: peek, auth: false })
wireHTTP({ method: 'get', route: '/listen', func: listen, auth: false, sse: true })
wireQueueWorker({ queue: 'news', func: tell })
