/** What a Cloudflare Worker does with events that are no requests: a queue's batches, the clock's triggers. */
import type { Platform } from '../core/answer.ts'
import { createLogger } from '../core/logger.ts'
import type { Unit } from '../core/unit.ts'
import type { Handlers, Start } from './cloudflare.ts'

type Handle = (unit: Unit) => (event: never, platform: Platform) => Promise<void>

/** An event whose unit can't be built fails, and comes again where the platform does that. */
export const events = (handlers: Readonly<Partial<Record<keyof Handlers, Handle>>>) =>
  (start: Start): Handlers =>
    Object.fromEntries(Object.entries(handlers).map(([name, handle]) => [
      name,
      async (event, env, context) => {
        const { unit } = await start(env, context).then(async (started) => {
          await started.unit.host.services()
          return started
        }).catch((error: unknown) => {
          createLogger().error(error, { code: 'not-started', event: name, problems: (error as { problems?: readonly string[] }).problems })
          throw error
        })
        const { signal } = new AbortController()
        await handle(unit)(event as never, { signal, waitUntil: (promise) => context.waitUntil(promise) })
      },
    ] satisfies [string, Handlers['queue']]))
