/** A unit as a Cloudflare Worker: only turns the platform's events into calls. */
import type { Accept } from '../channel/index.ts'
import { createAnswer, openCall } from '../core/answer.ts'
import { answerBroken } from '../core/broken.ts'
import type { Environment } from '../core/environment.ts'
import { createHost, type ProjectOptions } from '../core/host.ts'
import { once } from '../core/services.ts'
import { createUnit, type Unit, type UnitOptions } from '../core/unit.ts'

interface ExecutionContext {
  waitUntil(promise: Promise<unknown>): void
}

type Handler = (event: unknown, env: Environment, context: ExecutionContext) => Promise<void>

/** What isn't there fails where it is asked for: a job that is lost in silence would be worse. */
export interface Handlers {
  queue?: Handler
  scheduled?: Handler
}

export interface Worker extends Handlers {
  fetch(request: Request, env: Environment, context: ExecutionContext): Promise<Response>
}

/** Everything is built on the first event, since the environment comes with it, and kept for the isolate's life. */
export type Start = (env: Environment, context: ExecutionContext) =>
  Promise<{ unit: Unit; answer: ReturnType<typeof createAnswer> }>

export type WorkerOptions = ProjectOptions & UnitOptions & {
  readonly project: string
  /** Events that are no requests: `events(…)`. */
  readonly on?: (start: Start) => Handlers
  /** Where connections of its channels are held: `sockets(…)`. */
  readonly sockets?: (start: Start) => Accept
}

export const worker = (options: WorkerOptions): Worker => {
  let started: (() => ReturnType<Start>) | undefined
  const build: Start = async (env, context) => {
    const values = await options.settings?.read(env)
    const host = createHost(options, env, { ...(accept && { accept }) }, values)
    // built for all events, so not to end with the first, should that be cancelled
    context.waitUntil(host.services().catch(() => undefined))
    options.remote?.check(host)
    const unit = createUnit(options, host)
    return { unit, answer: createAnswer(unit) }
  }
  const start: Start = (env, context) => (started ??= once(() => build(env, context)))()
  const accept = options.sockets?.(start)
  return {
    ...options.on?.(start),
    fetch: async (request, env, context) => {
      const call = openCall(request, {
        waitUntil: (promise) => context.waitUntil(promise),
        get signal() {
          return request.signal
        },
        // Cloudflare's network sets it, whatever the client sent
        get ip() {
          return request.headers.get('cf-connecting-ip') ?? undefined
        },
      })
      try {
        return await (await start(env, context)).answer(request, call, new URL(request.url).pathname)
      } catch (error) {
        return answerBroken(error, call)
      }
    },
  }
}
