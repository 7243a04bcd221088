/** Work that may take so long and no longer. */

/** Fails when the time is over, whatever the work does; the signal tells it. `what` took too long. */
export const within = async <T>(
  ms: number | undefined, outer: AbortSignal, what: string, work: (signal: AbortSignal) => Promise<T>,
): Promise<T> => {
  if (ms === undefined) return work(outer)
  const late = new AbortController()
  const over = Promise.withResolvers<never>()
  const timer = setTimeout(() => {
    const error = new DOMException(`${what} took longer than ${ms} ms`, 'TimeoutError')
    late.abort(error)
    over.reject(error)
  }, ms)
  try {
    return await Promise.race([work(AbortSignal.any([outer, late.signal])), over.promise])
  } finally {
    clearTimeout(timer)
  }
}
