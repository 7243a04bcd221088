/** Requests that other servers signed. */
import { pikkuSessionlessFunc, signedWebhook, wireHTTP } from '#pikku'

export const receiveHook = pikkuSessionlessFunc<{ type: string }, { got: string }>({
  func: async (_services, { type }) => ({ got: type }),
})

export const sendHook = pikkuSessionlessFunc<{ url: string }, unknown>({
  func: async ({ webhooks, secrets }, { url }) =>
    webhooks.send(url, { type: 'order.paid', data: {} }, { secret: await secrets.getSecret('HOOK_SECRET'), timeout: '5s' }),
})

wireHTTP({ method: 'post', route: '/hooks/send', func: sendHook })
wireHTTP({ method: 'post', route: '/hooks/standard', func: receiveHook, middleware: [signedWebhook({ secretId: 'HOOK_SECRET', tolerance: '2h' })] })
wireHTTP({ method: 'post', route: '/hooks/github', func: receiveHook, middleware: [signedWebhook({ scheme: 'github', secretId: 'HUB_SECRET' })] })
wireHTTP({ method: 'post', route: '/hooks/stripe', func: receiveHook, middleware: [signedWebhook({ scheme: 'stripe', secretId: 'HUB_SECRET' })] })
