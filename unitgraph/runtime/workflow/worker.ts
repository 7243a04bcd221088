/**
 * Works on runs: claims what is due, keeps the leases of what is live, and lets go of what it can't be sure to have.
 * There is no leader and no sweep: an expired lease is taken by anybody's next claim.
 */
import type { Logger } from '../types/services.ts'
import { deadly } from './deadly.ts'
import type { End, Execution } from './execution.ts'
import type { World } from './steps.ts'
import type { NewRun, Run } from './run.ts'
import type { Append, Appended, Change, Started, Store } from './store.ts'
import type { Clock } from './world.ts'

export interface WorkerOptions {
  readonly id: string
  readonly store: Store
  readonly clock: Clock
  readonly world: World
  /** The workflows that there are here, each with the version of its code. */
  readonly versions: Readonly<Record<string, string>>
  /** How many runs may be live at once. */
  readonly most: number
  readonly ttlMs: number
  /** No longer than this between looks, whatever the store says about what is due next. */
  readonly lookMs: number
  /** A time that only goes forward, in milliseconds, whatever becomes of clocks. */
  monotonic(): number
  execute(run: Run, world: World): Promise<Execution>
  readonly logger: Logger
}

export interface Worker {
  start(): void
  /** Keeps a run that begins, and has it at once if there is room: a call of the store less than a claim. */
  begin(run: NewRun): Promise<Started>
  /** A run that was started with its lease, which was asked for at a time of `monotonic`. */
  take(run: Run, asked: number): void
  /** Something may have become due. */
  kick(): void
  /** A message came for a run that may be live here. */
  nudge(id: string): void
  cancel(id: string): void
  /** Claims and begins nothing more; resolves when what is under way is written, or when `signal` aborts. */
  stop(signal: AbortSignal): Promise<void>
  readonly live: number
}

interface Live {
  /** Once its unit is loaded. */
  execution: Execution | undefined
  isLost: boolean
  done: Promise<void>
  /** By this process' own clock: until when it surely has the lease. */
  sureUntil: number
}

/** A lease counts as over this much earlier here than there. */
const MARGIN = 0.2

/** How often runs whose time is over are looked for, and how many are forgotten at once. */
const FORGET_EVERY_MS = 60_000
const FORGET_COUNT = 100

/** Within how long after a run is due all who know of it look. */
const SPREAD_MS = 10

const wait = (world: World, ms: number): Promise<void> => new Promise((resolve) => void world.after(ms, resolve))

export const createWorker = (options: WorkerOptions): Worker => {
  const { id, clock, versions, most, ttlMs, logger } = options
  const lives = new Map<string, Live>()
  let isStopped = true
  let isBeating = false
  let kicked = Promise.withResolvers<void>()
  let looking: Promise<void> | undefined
  /** Runs that begin here, of which some may turn out to be had. */
  const beginning = new Set<Promise<Started>>()

  const isSure = (run: string): boolean => options.monotonic() < (lives.get(run)?.sureUntil ?? 0)
  /** Of a lease that was asked for at a time. */
  const sureUntil = (asked: number): number => asked + ttlMs * (1 - MARGIN)

  /** A store that answers again is waited for, as long as the lease lasts; what may have been written is asked again. */
  const append = async (given: Append): Promise<Appended> => {
    for (let delayMs = 20; ; delayMs = Math.min(delayMs * 2, 1000)) {
      if (!isSure(given.id)) return { is: 'fenced' }
      try {
        const answer = await options.store.append(given)
        if (answer.is === 'ok') clock.tell(answer.now)
        return answer
      } catch (error) {
        logger.warn(error, { run: given.id, code: 'run-store-fault' })
        await wait(options.world, delayMs)
      }
    }
  }
  const store: Store = { ...options.store, append }
  const world: World = { ...options.world, store }

  const lose = (run: string): void => {
    const live = lives.get(run)
    lives.delete(run)
    if (!live) return
    live.isLost = true
    live.execution?.lose()
  }
  const loseOld = (): void => {
    for (const run of [...lives.keys()]) {
      if (isSure(run)) continue
      logger.warn('The lease of a run is over: it goes on elsewhere', { run, code: 'run-lease-over' })
      lose(run)
    }
  }

  const take = (run: Run, asked: number): void => {
    const { head } = run
    const change = deadly(head)
    if (change) return void pause(run, change)
    const live: Live = { sureUntil: sureUntil(asked), execution: undefined, isLost: false, done: Promise.resolve() }
    const go = async (): Promise<End> => {
      const execution = await options.execute(run, { ...world, version: versions[head.name], holds: () => isSure(head.id) })
      if (live.isLost) return 'lost'
      live.execution = execution
      if (isStopped) execution.leave()
      return execution.go()
    }
    lives.set(head.id, live)
    live.done = go().then(
      (end) => {
        logger.debug(`run ${end}`, { run: head.id, workflow: head.name })
        return end
      },
      (error: unknown) => logger.error(error, { run: head.id, workflow: head.name, code: 'run-fault' }),
    ).then((end) => {
      if (lives.get(head.id) !== live) return
      const isFull = lives.size >= most
      lives.delete(head.id)
      // the end of a run that nothing waits for makes nothing due
      if (end !== 'ended' || isFull || head.parentId !== null || head.concurrencyKey !== null) kicked.resolve()
    })
    void beat()
  }

  const pause = async ({ head }: Run, change: Change): Promise<void> => {
    logger.error(`The run is paused: ${change.reason}`, { run: head.id, workflow: head.name, code: 'run-paused' })
    await options.store.append({ id: head.id, epoch: head.epoch, fromSeq: head.seq, entries: [], change })
      .catch((error: unknown) => logger.warn(error, { run: head.id, code: 'run-store-fault' }))
  }

  /** What is live is asked for; what was lost is let go. */
  const renew = async (): Promise<void> => {
    const asked = options.monotonic()
    const renewed = [...lives]
    const answer = await options.store.renew({ worker: id, ttlMs }, renewed.map(([run]) => run))
    clock.tell(answer.now)
    for (const [, live] of renewed) live.sureUntil = sureUntil(asked)
    for (const run of answer.lost) lose(run)
    for (const run of answer.cancelled) lives.get(run)?.execution?.cancel()
  }

  /** As long as anything is live. */
  const beat = async (): Promise<void> => {
    if (isBeating) return
    isBeating = true
    for (; lives.size > 0; loseOld()) {
      await wait(options.world, ttlMs / 3)
      try {
        if (lives.size > 0) await renew()
      } catch (error) {
        logger.warn(error, { code: 'run-store-fault' })
      }
    }
    isBeating = false
  }

  const claim = async (): Promise<number> => {
    const asked = options.monotonic()
    const { runs, now, nextAt } = await options.store.claim({ worker: id, ttlMs, versions, count: most - lives.size })
    clock.tell(now)
    for (const run of runs) take(run, asked)
    if (runs.length > 0) return 0
    // not all workers at once
    const chance = options.world.random()
    const lookMs = options.lookMs * (0.9 + chance / 5)
    return nextAt === null ? lookMs : Math.min(Math.max(nextAt - now, 1) + chance * SPREAD_MS, lookMs)
  }

  let forgetAt = options.monotonic() + FORGET_EVERY_MS * options.world.random()
  const forgetOld = async (): Promise<void> => {
    if (options.monotonic() < forgetAt) return
    const isAll = (await options.store.purge(FORGET_COUNT)) < FORGET_COUNT
    if (isAll) forgetAt = options.monotonic() + FORGET_EVERY_MS
  }

  const look = async (): Promise<void> => {
    while (!isStopped) {
      kicked = Promise.withResolvers()
      let restMs = options.lookMs
      try {
        if (lives.size < most) restMs = await claim()
        await forgetOld()
      } catch (error) {
        logger.error(error, { code: 'run-store-fault' })
      }
      const forget = options.world.after(restMs, kicked.resolve)
      await kicked.promise
      forget()
    }
  }

  return {
    start: () => {
      isStopped = false
      looking = look()
    },
    begin: async (run) => {
      if (isStopped || lives.size + beginning.size >= most) return options.store.start(run).finally(kicked.resolve)
      const asked = options.monotonic()
      const start = async (): Promise<Started> => {
        const started = await options.store.start(run, { worker: id, ttlMs })
        if (started.is !== 'started') return started
        clock.tell(started.now)
        if (started.run.head.status === 'running') take(started.run, asked)
        return started
      }
      const started = start()
      beginning.add(started)
      return started.finally(() => beginning.delete(started))
    },
    take,
    kick: () => kicked.resolve(),
    nudge: (run) => {
      const live = lives.get(run)
      if (live) live.execution?.nudge()
      else kicked.resolve()
    },
    cancel: (run) => {
      const live = lives.get(run)
      if (live) live.execution?.cancel()
      else kicked.resolve()
    },
    stop: async (signal) => {
      isStopped = true
      kicked.resolve()
      const over = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
      for (const { execution } of lives.values()) execution?.leave()
      // a claim or a start that is under way may still bring some
      const all = Promise.allSettled([looking, ...beginning]).then(() => Promise.all([...lives.values()].map(({ done }) => done)))
      await Promise.race([all, signal.aborted ? undefined : over])
      for (const run of [...lives.keys()]) lose(run)
      await options.store.release(id)
    },
    get live() {
      return lives.size
    },
  }
}
