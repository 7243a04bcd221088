/** How a process ends: no new requests, those under way may finish, then services close. */
import type { Logger } from '../types/services.ts'

export interface Stoppable {
  /** Stops listening and closes idle connections; resolves when the last is done. `true` ends all at once. */
  stop(closeActiveConnections?: boolean): Promise<void> | void
}

const wait = (ms: number): Promise<'late'> =>
  new Promise((resolve) => {
    const timer = setTimeout(() => resolve('late'), ms)
    ;(timer as { unref?: () => void }).unref?.()
  })

export const drain = async (
  server: Stoppable, idle: () => Promise<void>, timeoutMs: number, logger: Logger,
): Promise<void> => {
  // the server knows when the last byte of an answer was sent, the gauge what goes on behind the answers
  const done = Promise.resolve(server.stop(false)).then(idle)
  if ((await Promise.race([done, wait(timeoutMs)])) !== 'late') return
  logger.warn('What took longer than the shutdown timeout was ended', { timeoutMs })
  await server.stop(true)
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
