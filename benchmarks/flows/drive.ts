/** What is measured of an engine, the same for each: runs that begin as others end, and one run of many steps. */

export interface Engine {
  /** Begins a run of three trivial steps, whose last line says `ended(id)`. */
  begin(id: string): Promise<unknown>
  /** Begins a run of so many steps, which tells of each when it is recorded. */
  long(id: string, steps: number): Promise<unknown>
}

interface Waiting {
  readonly ended: Map<string, () => void>
  readonly told: number[]
}

/** Units of ours share a process, not modules. */
const shared = globalThis as typeof globalThis & { benchmark?: Waiting }
const waiting = (): Waiting => (shared.benchmark ??= { ended: new Map(), told: [] })

export const ended = (id: string): void => waiting().ended.get(id)?.()
export const tell = (): void => void waiting().told.push(performance.now())

export interface Asked {
  readonly prefix: string
  readonly runs: number
  readonly together: number
}

export interface Figures {
  /** From the first beginning to the last line of the last run, in milliseconds. */
  readonly ms: number
  /** Of each run, from the call that begins it to its last line, sorted, in milliseconds. */
  readonly latencies: readonly number[]
}

const one = async (engine: Engine, id: string, work: (engine: Engine) => Promise<unknown>): Promise<number> => {
  const { ended } = waiting()
  const end = Promise.withResolvers<void>()
  ended.set(id, end.resolve)
  const begin = performance.now()
  await work(engine)
  await end.promise
  ended.delete(id)
  return performance.now() - begin
}

export const drive = async (engine: Engine, { prefix, runs, together }: Asked): Promise<Figures> => {
  const latencies: number[] = []
  const begin = performance.now()
  let next = 0
  const follow = async (): Promise<void> => {
    while (next < runs) {
      const id = `${prefix}-${next += 1}`
      latencies.push(await one(engine, id, () => engine.begin(id)))
    }
  }
  await Promise.all(Array.from({ length: together }, follow))
  return { ms: performance.now() - begin, latencies: latencies.sort((a, b) => a - b) }
}

/** Milliseconds of a step: of the first hundred after the first ten, and of the last hundred. */
export const march = async (engine: Engine, id: string, steps: number): Promise<{ first: number; last: number }> => {
  const { told } = waiting()
  told.length = 0
  await one(engine, id, () => engine.long(id, steps))
  const mean = (from: number): number => ((told[from + 100] ?? 0) - (told[from] ?? 0)) / 100
  return { first: mean(10), last: mean(steps - 101) }
}
