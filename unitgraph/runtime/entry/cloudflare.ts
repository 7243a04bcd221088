/** A unit as a Cloudflare Worker: only turns the platform's events into calls. */
import { createAnswer, openCall, type Platform } from '../core/answer.ts'
import { answerBroken } from '../core/broken.ts'
import type { Environment } from '../core/environment.ts'
import { createHost, type ProjectOptions } from '../core/host.ts'
import { once } from '../core/services.ts'
import { createUnit, type UnitOptions } from '../core/unit.ts'

export type WorkerOptions = ProjectOptions & UnitOptions & { readonly project: string }

interface ExecutionContext {
  waitUntil(promise: Promise<unknown>): void
}

export interface Worker {
  fetch(request: Request, env: Environment, context: ExecutionContext): Promise<Response>
}

/** Everything is built on the first request, since the environment comes with it, and kept for the isolate's life. */
export const worker = (options: WorkerOptions): Worker => {
  let start: (() => Promise<ReturnType<typeof createAnswer>>) | undefined
  const build = async (env: Environment) => {
    const host = createHost(options, env)
    options.remote?.check(host)
    return createAnswer(createUnit(options, host))
  }
  return {
    fetch: async (request, env, context) => {
      const platform: Platform = { signal: request.signal, waitUntil: (promise) => context.waitUntil(promise) }
      const call = openCall(request, platform)
      start ??= once(() => build(env))
      try {
        return await (await start())(request, call)
      } catch (error) {
        return answerBroken(error, call)
      }
    },
  }
}
