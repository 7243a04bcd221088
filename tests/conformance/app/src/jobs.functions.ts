/** What a request leaves to be done: jobs, and what the clock starts. */
import { BadRequestError, pikkuFunc, pikkuSessionlessFunc, pikkuVoidFunc } from '#pikku'

export const addJob = pikkuSessionlessFunc<{ text: string; times?: number; queue?: 'letters' | 'guarded' }, { job: string }>({
  func: async ({ queueService }, { text, times, queue = 'letters' }) => ({
    job: queue === 'guarded'
      ? await queueService.add('guarded', { text })
      : await queueService.add('letters', { text, ...(times !== undefined && { times }) }),
  }),
})

export const sendLetter = pikkuSessionlessFunc<{ text: string; times?: number }, void>({
  tags: ['trail'],
  func: async ({ logger }, { text, times = 0 }, { queue, session, transport, http }) => {
    if (text === 'refuse') throw new BadRequestError('Not this letter')
    if ((queue?.attempt ?? 0) <= times) throw new Error('The post is closed')
    logger.info('letter sent', { text, attempt: queue?.attempt, signedIn: session !== undefined, transport, web: http !== undefined })
  },
})

export const guardedJob = pikkuFunc(async ({ logger }) => logger.info('nobody may be here'))

export const lostLetter = pikkuSessionlessFunc(async ({ logger }, data: unknown) => logger.info('letter lost', { data }))

export const tidy = pikkuVoidFunc(async ({ logger }, _data, { scheduledTask, transport }) => {
  logger.info('tidied', { task: scheduledTask?.name, transport })
})
