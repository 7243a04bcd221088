"""A small project with something of each kind that is swapped: routes, a helper, a queue, a schedule, secrets."""

from tests.system.projects import SHELL, texts

SHOP = texts(
    SHELL
    | {
        "src/services.ts": """
            import { pikkuConfig } from '#pikku'

            export const createConfig = pikkuConfig(async () => ({}))
            """,
        ".env": "SHOP_KEY=none\n",
        "src/greeting.ts": """
            export const greeting = (name: string): string => `hello ${name}`
            """,
        "src/shop.functions.ts": """
            import { pikkuSessionlessFunc, wireHTTP, wireQueueWorker, wireScheduler } from '#pikku'
            import { greeting } from './greeting.ts'

            export const greet = pikkuSessionlessFunc<{ name: string }, { said: string }>({
              func: async (_services, { name }) => ({ said: greeting(name) }),
            })

            export const slow = pikkuSessionlessFunc<{ ms: number }, { waited: number }>({
              func: async (_services, { ms }) => {
                await new Promise((resolve) => setTimeout(resolve, ms))
                return { waited: ms }
              },
            })

            export const whisper = pikkuSessionlessFunc<{}, { secret: string; place: string }>({
              func: async ({ secrets, variables }) => ({
                secret: (await secrets.hasSecret('SHOP_KEY')) ? await secrets.getSecret('SHOP_KEY') : 'none',
                place: String(variables.get('SHOP_PLACE')),
              }),
            })

            export const order = pikkuSessionlessFunc<{ book: string; delay?: string }, { id: string }>({
              func: async ({ queueService }, { book, delay }) =>
                ({ id: await queueService.add('orders', { book }, delay === undefined ? {} : { delay }) }),
            })

            export const pack = pikkuSessionlessFunc<{ book: string }, void>({
              func: async ({ logger }, { book }, { queue }) => {
                if (book === 'torn' || (book === 'sticky' && queue?.attempt === 1)) throw new Error(`can't pack ${book}`)
                logger.info(`packed ${book}`)
              },
            })

            export const mourn = pikkuSessionlessFunc<{ book: string }, void>({
              func: async ({ logger }, { book }) => logger.info(`mourned ${book}`),
            })

            export const remember = pikkuSessionlessFunc<{ text: string }, { kept: boolean }>({
              func: async ({ kv }, { text }) => {
                await kv.put('text', text)
                return { kept: true }
              },
            })

            export const recall = pikkuSessionlessFunc<{}, { text: string }>({
              func: async ({ kv }) => ({ text: (await kv.get<string>('text')) ?? 'nothing' }),
            })

            export const tidy = pikkuSessionlessFunc({
              func: async ({ logger }) => logger.info('tidied up'),
            })

            export const boom = pikkuSessionlessFunc({
              func: async () => { throw new Error('it broke') },
            })

            wireHTTP({ method: 'get', route: '/greet/:name', func: greet, auth: false })
            wireHTTP({ method: 'get', route: '/slow', func: slow, auth: false })
            wireHTTP({ method: 'get', route: '/whisper', func: whisper, auth: false })
            wireHTTP({ method: 'post', route: '/orders', func: order, auth: false })
            wireHTTP({ method: 'get', route: '/boom', func: boom, auth: false })
            wireHTTP({ method: 'post', route: '/text', func: remember, auth: false })
            wireHTTP({ method: 'get', route: '/text', func: recall, auth: false })
            wireQueueWorker({
              queue: 'orders', func: pack, config: { batchTimeout: 0, retryDelay: 0, maxRetries: 1, deadLetterQueue: 'lost' },
            })
            wireQueueWorker({ queue: 'lost', func: mourn, config: { batchTimeout: 0 } })
            wireScheduler({ name: 'tidy-up', schedule: '0 3 1 1 *', func: tidy })
            """,
    }
)

FAREWELL = """
import { pikkuSessionlessFunc, wireHTTP } from '#pikku'

export const farewell = pikkuSessionlessFunc<{ name: string }, { said: string }>({
  func: async (_services, { name }) => ({ said: `bye ${name}` }),
})

wireHTTP({ method: 'get', route: '/farewell/:name', func: farewell, auth: false })
"""
