/** A unit as a Cloudflare Worker: only turns the platform's events into calls. */
import { createAnswer, openCall, type Platform } from '../core/answer.ts'
import { answerBroken } from '../core/broken.ts'
import type { Environment } from '../core/environment.ts'
import { NotImplementedError } from '../core/errors.ts'
import { createHost, type ProjectOptions } from '../core/host.ts'
import { once } from '../core/services.ts'
import { createUnit, type UnitOptions } from '../core/unit.ts'

export type WorkerOptions = ProjectOptions & UnitOptions & { readonly project: string }

interface ExecutionContext {
  waitUntil(promise: Promise<unknown>): void
}

export interface Worker {
  fetch(request: Request, env: Environment, context: ExecutionContext): Promise<Response>
  queue(): Promise<never>
  scheduled(): Promise<never>
}

/** An event that was lost in silence would be worse than one that fails. */
const later = (what: string) => async (): Promise<never> => {
  throw new NotImplementedError(`${what} can't be run by this runtime yet`)
}

/** Everything is built on the first request, since the environment comes with it, and kept for the isolate's life. */
export const worker = (options: WorkerOptions): Worker => {
  let start: (() => Promise<ReturnType<typeof createAnswer>>) | undefined
  const build = async (env: Environment, context: ExecutionContext) => {
    const host = createHost(options, env)
    // built for all requests, so not to end with the first, should that be cancelled
    context.waitUntil(host.services().catch(() => undefined))
    options.remote?.check(host)
    return createAnswer(createUnit(options, host))
  }
  return {
    queue: later('Jobs of a queue'),
    scheduled: later('Scheduled tasks'),
    fetch: async (request, env, context) => {
      const platform: Platform = { signal: request.signal, waitUntil: (promise) => context.waitUntil(promise) }
      const call = openCall(request, platform)
      start ??= once(() => build(env, context))
      try {
        return await (await start())(request, call)
      } catch (error) {
        return answerBroken(error, call)
      }
    },
  }
}
