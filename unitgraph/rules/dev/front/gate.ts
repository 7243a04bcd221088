/** Which requests are under way where, and whether more are let through. Knows addresses, not what is behind them. */

export interface Gate {
  /** Resolves when requests are let through. */
  pass(): Promise<void>
  /** Lets nobody through until the work is done, however it ends. */
  closed<T>(work: () => Promise<T>): Promise<T>
  /** Notes a request to an address; the answer must be called once, when its last byte is through. */
  enter(address: string): () => void
  /** Notes a connection that has no end of its own; returns what is called when it has ended. */
  hold(address: string, end: () => void): () => void
  /** Ends the connections that are held to an address: who had them comes again, to what is there by then. */
  endHeld(address: string): void
  /** Resolves when nothing is under way at an address, or when the time is over. */
  idle(address: string, ms: number): Promise<void>
}

export const createGate = (): Gate => {
  let open: Promise<unknown> = Promise.resolve()
  const counts = new Map<string, number>()
  const waiting = new Map<string, (() => void)[]>()
  const held = new Map<string, Set<() => void>>()
  const leave = (address: string): void => {
    const left = (counts.get(address) ?? 0) - 1
    if (left > 0) {
      counts.set(address, left)
      return
    }
    counts.delete(address)
    for (const resolve of waiting.get(address) ?? []) resolve()
    waiting.delete(address)
  }
  return {
    pass: async () => {
      // a gate that was closed again meanwhile is waited for again
      for (let seen: unknown; seen !== open;) {
        seen = open
        await open
      }
    },
    closed: (work) => {
      const done = open.then(work)
      open = done.catch(() => undefined)
      return done
    },
    enter: (address) => {
      counts.set(address, (counts.get(address) ?? 0) + 1)
      let isIn = true
      return () => {
        if (isIn) leave(address)
        isIn = false
      }
    },
    hold: (address, end) => {
      const own = held.get(address) ?? new Set()
      held.set(address, own.add(end))
      return () => {
        own.delete(end)
        if (own.size === 0) held.delete(address)
      }
    },
    endHeld: (address) => {
      for (const end of [...(held.get(address) ?? [])]) end()
    },
    idle: (address, ms) =>
      new Promise((resolve) => {
        if (!counts.has(address)) return resolve()
        const timer = setTimeout(resolve, ms)
        waiting.set(address, [...(waiting.get(address) ?? []), () => {
          clearTimeout(timer)
          resolve()
        }])
      }),
  }
}
