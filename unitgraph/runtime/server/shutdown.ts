/** How a process ends: no new requests, those under way may finish, then services close. */
import type { Logger } from '../types/services.ts'

export interface Stoppable {
  /** Stops listening; resolves when the last connection is done. `true` ends connections at once. */
  stop(closeActiveConnections?: boolean): Promise<void> | void
}

const wait = (ms: number): Promise<'late'> =>
  new Promise((resolve) => {
    const timer = setTimeout(() => resolve('late'), ms)
    ;(timer as { unref?: () => void }).unref?.()
  })

/** Whether everything was done in time. */
export const drain = async (
  server: Stoppable, idle: () => Promise<void>, timeoutMs: number, logger: Logger,
): Promise<boolean> => {
  const stopped = server.stop(false)
  const result = await Promise.race([idle(), wait(timeoutMs)])
  if (result === 'late') {
    logger.warn('Requests that took longer than the shutdown timeout were ended', { timeoutMs })
    await server.stop(true)
    return false
  }
  // what is left are idle connections that clients keep open
  await server.stop(true)
  await stopped
  return true
}

/** Counts what is under way. */
export const createGauge = (): { run<T>(work: Promise<T>): Promise<T>; idle(): Promise<void> } => {
  let running = 0
  let waiting: (() => void)[] = []
  const done = (): void => {
    running -= 1
    if (running > 0) return
    for (const resolve of waiting) resolve()
    waiting = []
  }
  return {
    run: (work) => {
      running += 1
      return work.finally(done)
    },
    idle: () => (running === 0 ? Promise.resolve() : new Promise((resolve) => waiting.push(resolve))),
  }
}

/** The body counts as under way until it was sent. */
export const heldBy = (response: Response, hold: (work: Promise<unknown>) => void): Response => {
  if (!response.body) return response
  const { readable, writable } = new TransformStream()
  hold(response.body.pipeTo(writable).catch(() => undefined))
  return new Response(readable, response)
}
