import * as z from 'zod'
import { pikkuWorkflow, wireQueueWorker } from '#pikku'

export const onboardReader = pikkuWorkflow({
  input: z.object({ userId: z.string(), email: z.email() }),
  output: z.object({ welcomed: z.boolean() }),
  func: async ({ workflow }, reader) => {
    await workflow.do('Create reader', 'createReader', reader)
    const offer = await workflow.do('Choose an offer', async () => `a tenth off until ${new Date().getFullYear() + 1}`)
    await workflow.sleep('Wait before the welcome', '5m')
    await workflow.do('Send welcome', 'sendWelcome', { to: reader.email, offer }, { retries: 3, retryDelay: '2s' })
    return { welcomed: true }
  },
})

wireQueueWorker({ name: 'sign-ups', func: onboardReader })
