"""The projects that the system tests build: ``SHOP`` is small and plain, ``MALL`` has one of everything."""

from textwrap import dedent


def texts(files: dict[str, str]) -> dict[str, str]:
    return {path: dedent(text).lstrip("\n") for path, text in files.items()}


CONFIG = """
{
  "srcDirectories": ["src"],
  "tsconfig": "./tsconfig.json",
  "outDir": ".pikku",
  "deploy": {
    "providers": { "cloudflare": "@pikku/deploy-cloudflare", "standalone": "@pikku/deploy-standalone" },
    "defaultProvider": "cloudflare"
  }
}
"""

TSCONFIG = """
{
  "compilerOptions": { "target": "es2022", "module": "esnext", "moduleResolution": "bundler", "strict": true },
  "include": ["src"]
}
"""

SHELL = {
    "package.json": '{ "name": "shop", "version": "1.0.0", "private": true, "type": "module" }\n',
    "tsconfig.json": TSCONFIG,
    "pikku.config.json": CONFIG,
}

# Closures: money → createOrder, cancelOrder; text → getBook; smtp → (service mailer) → cancelOrder; rounding → money.
SHOP = texts(
    SHELL
    | {
        "src/services.ts": """
            import { pikkuConfig, pikkuServices } from '#pikku'
            import { Smtp } from './lib/smtp.js'
            import { Shelf } from './lib/shelf.js'

            export const createConfig = pikkuConfig(async () => ({ from: 'shop@example.com' }))

            export const createSingletonServices = pikkuServices(async (config) => {
              const shelf = new Shelf()
              const mailer = new Smtp(config.from)
              return { shelf, mailer }
            })
            """,
        "src/lib/smtp.ts": """
            export class Smtp {
              constructor(readonly from: string) {}
              async send(to: string, text: string): Promise<string> {
                return `smtp:${this.from}>${to}:${text.length}`
              }
            }
            """,
        "src/lib/shelf.ts": """
            export class Shelf {
              readonly #books = new Map<string, string>([['1', 'Emma']])
              title(id: string): string | undefined {
                return this.#books.get(id)
              }
              all(): string[] {
                return ['shelf:all', ...this.#books.values()]
              }
            }
            """,
        "src/lib/text.ts": """
            export function heading(text: string): string {
              return `heading:${text.trim()}`
            }
            """,
        "src/lib/rounding.ts": """
            export function round(value: number): number {
              return Math.round(value * 100) / 100
            }
            """,
        "src/lib/money.ts": """
            import { round } from './rounding.js'

            export function price(amount: number): string {
              return `EUR ${round(amount).toFixed(2)}`
            }
            """,
        "src/books.functions.ts": """
            import { NotFoundError, pikkuSessionlessFunc } from '#pikku'
            import { heading } from './lib/text.js'

            // Where books begin.
            export const getBook = pikkuSessionlessFunc<{ id: string }, { title: string }>({
              func: async ({ shelf }, { id }) => {
                const title = shelf.title(id)
                if (!title) throw new NotFoundError(`no book ${id}`)
                return { title: heading(title) }
              },
            })

            export const listBooks = pikkuSessionlessFunc<void, { titles: string[] }>({
              func: async ({ shelf }) => ({ titles: shelf.all() }),
            })
            """,
        "src/orders.functions.ts": """
            import { pikkuSessionlessFunc } from '#pikku'
            import { price } from './lib/money.js'

            export const createOrder = pikkuSessionlessFunc<{ bookId: string; amount: number }, { total: string }>({
              func: async ({ logger }, { bookId, amount }, { rpc }) => {
                const book = await rpc.invoke('getBook', { id: bookId })
                logger.info(`ordered ${book.title}`)
                return { total: price(amount * 12.5) }
              },
            })

            export const cancelOrder = pikkuSessionlessFunc<{ orderId: string }, { refund: string }>({
              func: async ({ mailer }, { orderId }) => {
                await mailer.send('desk@example.com', `cancelled ${orderId}`)
                return { refund: price(12.5) }
              },
            })
            """,
        "src/wiring.ts": """
            import { wireHTTP } from '#pikku/http'
            import { getBook, listBooks } from './books.functions.js'
            import { cancelOrder, createOrder } from './orders.functions.js'

            wireHTTP({ method: 'get', route: '/books', func: listBooks, auth: false })
            wireHTTP({ method: 'get', route: '/books/:id', func: getBook, auth: false })
            wireHTTP({ method: 'post', route: '/orders', func: createOrder, auth: false })
            wireHTTP({ method: 'delete', route: '/orders/:orderId', func: cancelOrder, auth: false })
            """,
    }
)
SHOP_UNITS = frozenset({"shop-get-book", "shop-list-books", "shop-create-order", "shop-cancel-order"})

# One of everything that analysis lists, with names that are hard to carry through kebab-case.
MALL = texts(
    SHELL
    | {
        "package.json": '{ "name": "@acme/Mall", "version": "1.0.0", "private": true, "type": "module" }\n',
        "pikku.config.json": CONFIG.replace(
            '"defaultProvider"', '"serverlessIncompatible": ["transcode-video"],\n    "defaultProvider"'
        ),
        "src/services.ts": """
            import { pikkuConfig, pikkuServices } from '#pikku'

            class Texts {
              send(to: string): string {
                return `mall-texts:${to}`
              }
            }

            export const createConfig = pikkuConfig(async () => ({}))
            export const createSingletonServices = pikkuServices(async () => ({ texts: new Texts() }))
            """,
        "src/messages.functions.ts": """
            import { pikkuSessionlessFunc } from '#pikku'

            export const notifySMS = pikkuSessionlessFunc<{ to: string }, { sent: string }>({
              func: async ({ texts }, { to }) => ({ sent: texts.send(to) }),
            })

            export const flakyHappyRPC = pikkuSessionlessFunc<void, { ok: boolean }>(async () => ({ ok: true }))

            export const sendA4ToHTTPServer2 = pikkuSessionlessFunc<void, { ok: boolean }>(async () => ({ ok: true }))

            export const callAll = pikkuSessionlessFunc<{ to: string }, { done: number }>({
              func: async (_services, { to }, { rpc }) => {
                await rpc.invoke('notifySMS', { to })
                await rpc.invoke('flakyHappyRPC')
                await rpc.invoke('sendA4ToHTTPServer2')
                return { done: 3 }
              },
            })
            """,
        "src/background.functions.ts": """
            import { pikkuSessionlessFunc, pikkuTriggerFunc, pikkuVoidFunc } from '#pikku'

            export const transcodeVideo = pikkuSessionlessFunc<{ file: string }, void>({
              func: async ({ logger }, { file }) => logger.info(`transcode ${file}`),
            })

            export const sweepFloors = pikkuVoidFunc(async ({ logger }) => logger.info('swept'))

            export const watchDoor = pikkuTriggerFunc<void, { person: string }>(async (_services, _input, { trigger }) => {
              trigger.invoke({ person: 'first' })
              return async () => {}
            })

            export const greet = pikkuSessionlessFunc<{ person: string }, void>({
              func: async ({ logger }, { person }) => logger.info(`hello ${person}`),
            })
            """,
        "src/wiring.ts": """
            import { wireHTTP, wireQueueWorker, wireScheduler, wireTrigger, wireTriggerSource } from '#pikku'
            import { greet, sweepFloors, transcodeVideo, watchDoor } from './background.functions.js'
            import { callAll, notifySMS } from './messages.functions.js'

            wireHTTP({ method: 'post', route: '/sms', func: notifySMS, auth: false })
            wireHTTP({ method: 'post', route: '/all', func: callAll, auth: false })
            wireQueueWorker({ queue: 'videos', func: transcodeVideo })
            wireScheduler({ name: 'sweep', schedule: '0 3 * * *', func: sweepFloors })
            wireTrigger({ name: 'door', func: greet })
            wireTriggerSource({ name: 'door', func: watchDoor })
            """,
    }
)
