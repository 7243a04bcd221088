/** What the jobs and tasks of these tests do: they say in the log what came to them. */
import { BadRequestError, pikkuFunc, pikkuMiddleware, pikkuSessionlessFunc, pikkuVoidFunc } from '#pikku'

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

export class HopelessError extends Error {
  override name = 'HopelessError'
}

/** What JSON can't say is made here. */
const RICH = () => ({ at: new Date(0), big: 12n, set: new Set(['a']), map: new Map([[1, 'b']]), bytes: new Uint8Array([7]) })

export const add = pikkuSessionlessFunc<{ queue: string; data?: unknown; options?: unknown }, { id: string }>({
  func: async ({ queueService }, { queue, data, options }) => {
    const id = await queueService.add(queue, (data === 'rich' ? RICH() : data) as never, (options ?? {}) as never)
    return { id }
  },
})

export const price = pikkuSessionlessFunc<{ sku: string }, { sku: string; cents: number; isInQueue: boolean }>({
  func: async (_services, { sku }, { queue }) => ({ sku, cents: 5, isInQueue: queue !== undefined }),
})

export const work = pikkuSessionlessFunc<{ do: string; times?: number; text?: string }, void>({
  tags: ['jobs'],
  func: async ({ logger }, { do: what, times = 0, text }, { queue, rpc, session, transport, http }) => {
    const attempt = queue?.attempt ?? 0
    if (what === 'fail' && attempt <= times) throw new Error(`no luck ${attempt}`)
    if (what === 'refuse') throw new BadRequestError('not like this')
    if (what === 'hopeless') throw new HopelessError('no hope')
    if (what === 'throw text') throw 'just text'
    if (what === 'fail for good') await queue?.fail('it said so')
    if (what === 'discard') await queue?.discard('not needed')
    if (what === 'discard and throw') {
      await queue?.discard('not needed')
      throw new Error('after all')
    }
    if (what === 'progress') await queue?.updateProgress(50)
    const found = what === 'price' ? await rpc.invoke('price', { sku: 'a' }) : undefined
    logger.info('worked', {
      // a line of a hundred kilobytes is the log's trouble, not the queue's
      text: text?.slice(0, 100), length: text?.length, price: found, transport, name: queue?.queueName, id: queue?.jobId, signedIn: session !== undefined, web: http !== undefined,
    })
  },
})

export const take = pikkuSessionlessFunc(async ({ logger }, data: unknown) => {
  const kinds = Object.entries(typeof data === 'object' && data ? data : {}).map(([key, value]) => [key, Object.prototype.toString.call(value)])
  logger.info('took', { data, kind: typeof data, kinds: Object.fromEntries(kinds) })
})

export const hurry = pikkuSessionlessFunc<{ ms: number }, void>({
  func: async ({ logger }, { ms }, { signal }) => {
    await Promise.race([sleep(ms), new Promise((resolve) => signal.addEventListener('abort', resolve))])
    logger.info('hurried', { aborted: signal.aborted })
  },
})

export const guarded = pikkuFunc(async ({ logger }) => logger.info('nobody may be here'))
export const permitted = pikkuVoidFunc(async ({ logger }) => logger.info('nobody may be here'))
export const lonely = pikkuVoidFunc(async () => { throw new Error('lonely') })
export const bury = pikkuSessionlessFunc(async ({ logger }, data: unknown) => logger.info('buried', { data }))

/** Says that it began, then takes its time. */
export const linger = pikkuSessionlessFunc<{ ms: number }, void>({
  func: async ({ logger }, { ms }) => {
    logger.info('lingering')
    await sleep(ms)
    logger.info('lingered')
  },
})

export const tick = pikkuVoidFunc(async ({ logger }, _data, { scheduledTask, transport }) => {
  logger.info('ticked', { name: scheduledTask?.name, schedule: scheduledTask?.schedule, at: scheduledTask?.executionTime.toISOString(), transport })
})
export const chime = pikkuVoidFunc(async ({ queueService }, _data, { scheduledTask }) => {
  await queueService.add('any', { from: scheduledTask?.name ?? '' })
  scheduledTask?.skip('that was all')
})
/** Takes its time, of which no other may begin meanwhile. */
export const dawdle = pikkuVoidFunc(async ({ logger }) => {
  await sleep(1000)
  logger.info('dawdled')
})
export const stumble = pikkuVoidFunc(async () => { throw new Error('stumbled') })

const saying = (what: string) => pikkuMiddleware(async ({ logger }, { queue, scheduledTask }, next) => {
  logger.info(what, { id: queue?.jobId, task: scheduledTask?.name })
  await next()
})
export const aroundWiring = saying('around the wiring')
export const aroundTag = saying('around the tag')
