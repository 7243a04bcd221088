/**
 * Durable Objects in memory, as Cloudflare describes them and no better than that; `durable.test.ts` holds what can be seen
 * of it to workerd. What is left open there, chance decides: when writes are kept, how long anything takes, who dies.
 *
 * - Writes with no `await` between them are kept together or not at all, in their order; what was written is seen at once.
 * - While storage is read, or `blockConcurrencyWhile` goes on, nothing comes in: no request, no alarm, no timer, no answer.
 * - While a write isn't kept, nothing goes out. If it never is, its object is gone, with all that would have gone out.
 * - An id has one object at a time. One that was replaced may go on for a while, but storage refuses it.
 * - An object has one alarm. It rings once the time has come, never twice at a time, and again if its handler fails: 2 s
 *   later, then twice that, up to six times. A handler whose object is gone is called again, too. It may ring once more.
 * - A call of another object may fail before it came there, or after it was done.
 * - One write has at most 128 keys, and a key and its value at most 2 MB; workerd itself takes more.
 */
import { Database } from 'bun:sqlite'

declare const setImmediate: (call: () => void) => unknown

/** A new one each time: what waits for it can be forgotten. */
const never = (): Promise<never> => new Promise(() => undefined)
const RETRY_MS = 2000
const MOST_RETRIES = 6
const MOST_KEYS = 128
const MOST_BYTES = 2 * 1024 * 1024

/** What happens to a call, to a write, or once an alarm was heard. */
export type Fault = 'lost request' | 'lost answer' | 'late' | 'dies before' | 'dies after' | 'replaced' | 'twice'

export interface Chance {
  now(): number
  later(ms: number, call: () => void): () => void
  /** Counts as under way, and takes no time. */
  fly<T>(work: Promise<T>): Promise<T>
  random(): number
  fault(where: 'call' | 'write' | 'alarm', name: string): Fault | undefined
}

/** What of an object outlives it. */
export interface Kept {
  readonly values: Map<string, unknown>
  /** Once it was used. */
  sql: Database | undefined
  alarm: number | null
  /** How often its alarm was set or deleted. */
  sets: number
}

export interface DurableObject {
  fetch(request: Request): Promise<Response>
  alarm?(): Promise<void>
}

/** An object while it is in memory. */
export interface Life {
  readonly name: string
  readonly isDead: boolean
  /** What goes out may go once this resolves. */
  out(): Promise<void>
  /** Calls back as an event of the object, if it is still there. */
  event(call: () => void): void
  after(ms: number, call: () => void): () => void
  die(): void
  /** Somewhere else it is begun anew; this one doesn't know. */
  replace(): void
  /** Nothing comes in for so long. */
  stop(ms: number): void
}

type Make = (state: object, life: Life, namespace: object) => DurableObject

const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve))

/** `rings`: whether alarms do. */
export const createObjects = (chance: Chance, make: Make, heard: {
  /** Something of it is kept now. */
  kept?(name: string): void
  /** It is in memory no more, and none of its code goes on. */
  ended?(life: Life): void
  /** A request was answered, and what was written for it is kept. */
  answered?(name: string, asked: string, answer: string, life: Life): void
} = {}, rings = true) => {
  const { now, later, random, fly } = chance
  const some = (least: number, most: number): number => least + Math.floor(random() * (most - least + 1))
  const keptOf = new Map<string, Kept>()
  const alive = new Map<string, Life & { readonly object: DurableObject; alarm: number | null; died: Promise<void> }>()
  const ringing = new Set<string>()
  const retries = new Map<string, { count: number; at: number }>()
  const plans = new Map<string, () => void>()
  const wait = (ms: number): Promise<void> => (ms <= 0 ? fly(turn()) : new Promise((resolve) => void later(ms, resolve)))

  const keep = (name: string): Kept => {
    const known = keptOf.get(name) ?? { values: new Map<string, unknown>(), sql: undefined, alarm: null, sets: 0 }
    keptOf.set(name, known)
    return known
  }

  const born = (name: string) => {
    const known = alive.get(name)
    if (known) return known
    const kept = keep(name)
    const values = new Map(structuredClone([...kept.values]))
    const died = Promise.withResolvers<void>()
    let isDead = false
    let isReplaced = false
    let locks = 0
    let stoppedUntil = 0
    let isPumping = false
    const events: (() => void)[] = []
    let commits: Promise<unknown> = Promise.resolve()
    let batch: { works: (() => void)[]; kept: Promise<void> } | undefined

    const pump = (): void => {
      if (isPumping || events.length === 0) return
      isPumping = true
      void (async () => {
        for (; events.length > 0 && locks === 0 && !isDead; await fly(turn())) {
          if (now() < stoppedUntil) await wait(stoppedUntil - now())
          if (locks > 0 || isDead) break
          events.shift()?.()
        }
        isPumping = false
      })()
    }
    const unlock = (): void => {
      locks -= 1
      pump()
    }
    const end = (): void => {
      if (isDead) return
      isDead = true
      if (alive.get(name) === its) alive.delete(name)
      died.resolve()
      heard.ended?.(its)
    }
    const refuse = async (): Promise<never> => {
      if (isDead) return never()
      // it hears why, and is gone
      void fly(turn()).then(turn).then(end)
      throw new Error('This object is no longer accessible: another one of its id has begun')
    }

    const read = async <T>(work: () => T): Promise<T> => {
      if (isDead || isReplaced) return refuse()
      locks += 1
      if (random() < 0.3) await wait(some(0, 10))
      else await undefined
      if (isDead) return never()
      try {
        return isReplaced ? await refuse() : work()
      } finally {
        unlock()
      }
    }
    const commit = async (works: readonly (() => void)[], before: Promise<unknown>): Promise<void> => {
      await undefined
      batch = undefined
      await before
      if (random() < 0.6) await wait(some(1, 15))
      else await fly(turn())
      if (isDead || isReplaced) return (end(), never())
      const fault = chance.fault('write', name)
      if (fault === 'replaced') {
        its.replace()
        // until it hears of that, nothing goes out
        await wait(some(0, 4000))
      }
      if (fault === 'dies before' || fault === 'replaced') return (end(), never())
      const sets = kept.sets
      for (const work of works) work()
      heard.kept?.(name)
      if (fault === 'dies after') end()
      if (kept.sets !== sets) plan(name)
      return isDead ? never() : undefined
    }
    /** `seen`: what it is at once to the object; `work`: what is kept. */
    const write = async (seen: () => void, work: () => void): Promise<void> => {
      if (isDead || isReplaced) return refuse()
      seen()
      if (batch) batch.works.push(work)
      else {
        const works = [work]
        batch = { works, kept: commit(works, commits) }
        commits = batch.kept
      }
      const { kept: over } = batch
      // it is told at once, or when it is so
      return random() < 0.5 ? undefined : over
    }
    const setAlarm = (at: number | null): Promise<void> => write(
      () => { its.alarm = at },
      () => { kept.alarm = at; kept.sets += 1; retries.delete(name) },
    )

    const storage = {
      get: (key: string) => read(() => structuredClone(values.get(key))),
      list: () => read(() => structuredClone(new Map([...values].sort(([a], [b]) => (a < b ? -1 : 1))))),
      getAlarm: () => read(() => its.alarm),
      put: async (given: Readonly<Record<string, unknown>>) => {
        const entries = structuredClone(Object.entries(given))
        if (entries.length > MOST_KEYS) throw new RangeError('Too many keys')
        for (const [key, value] of entries) if (key.length + (JSON.stringify(value) ?? '').length > MOST_BYTES) throw new RangeError('string or blob too big: SQLITE_TOOBIG')
        const into = (map: Map<string, unknown>) => () => { for (const [key, value] of entries) map.set(key, value) }
        return write(into(values), into(kept.values))
      },
      setAlarm: (at: number) => setAlarm(at),
      deleteAlarm: () => setAlarm(null),
      deleteAll: () => write(
        () => { values.clear(); its.alarm = null },
        () => { kept.values.clear(); kept.alarm = null; kept.sets += 1 },
      ),
      sql: { exec: (query: string, ...given: readonly (string | number | null)[]) => {
        if (isDead || isReplaced) throw new Error('This object is no longer accessible')
        const rows = (kept.sql ??= new Database(':memory:')).query<Readonly<Record<string, unknown>>>(query).all(...given)
        return { toArray: () => rows }
      } },
    }
    const state = {
      storage,
      id: name,
      waitUntil: (work: Promise<unknown>) => void work.catch(() => undefined),
      blockConcurrencyWhile: async <T>(work: () => Promise<T>): Promise<T> => {
        locks += 1
        try {
          const answer = await work()
          unlock()
          return answer
        } catch (error) {
          end()
          throw error
        }
      },
    }
    const its = {
      name, alarm: kept.alarm, died: died.promise, object: undefined as unknown as DurableObject,
      get isDead() { return isDead },
      get isReplaced() { return isReplaced },
      out: async (): Promise<void> => {
        await commits
        return isDead ? never() : undefined
      },
      event: (call: () => void): void => {
        events.push(call)
        pump()
      },
      after: (ms: number, call: () => void): (() => void) => {
        let isForgotten = false
        const forget = later(ms, () => its.event(() => { if (!isForgotten) call() }))
        return () => {
          isForgotten = true
          forget()
        }
      },
      die: end,
      replace: () => {
        isReplaced = true
        if (alive.get(name) === its) alive.delete(name)
        died.resolve()
      },
      stop: (ms: number) => { stoppedUntil = now() + ms },
    }
    alive.set(name, its)
    its.object = make(state, its, namespaceOf(its))
    return its
  }

  /** One call of an object, by another one or by a Worker. */
  const call = async (from: Life | undefined, name: string, request: { body: string }): Promise<Response> => {
    if (from) await from.out()
    const fault = chance.fault('call', name)
    await wait(some(0, 15))
    if (fault === 'lost request') throw new Error('Network connection lost.')
    const life = born(name)
    const gone = life.died.then((): never => { throw new Error('The object was reset, or its code was updated.') })
    gone.catch(() => undefined)
    const answer = await Promise.race([gone, new Promise<string>((resolve, reject) => life.event(() => {
      void life.object.fetch({ text: async () => request.body } as Request).then((response) => response.text()).then(resolve, reject)
    }))])
    await Promise.race([gone, life.out()])
    heard.answered?.(name, request.body, answer, life)
    await wait(fault === 'late' ? some(10_000, 40_000) : some(0, 15))
    if (fault === 'lost answer') throw new Error('Network connection lost.')
    return new Response(answer)
  }
  /** As an object, or whoever isn't one, sees them. */
  const namespaceOf = (from?: Life) => ({
    idFromName: (name: string) => name,
    idFromString: (name: string) => name,
    get: (name: string) => ({
      fetch: (_url: string, { body }: { body: string }): Promise<Response> => {
        const calling = call(from, name, { body })
        if (!from) return calling
        return new Promise((resolve, reject) => calling.then((answer) => from.event(() => resolve(answer)), (error: unknown) => from.event(() => reject(error))))
      },
    }),
  })

  const plan = (name: string): void => {
    plans.get(name)?.()
    plans.delete(name)
    const { alarm } = keep(name)
    if (!rings || alarm === null || ringing.has(name)) return
    plans.set(name, later(Math.max(alarm, retries.get(name)?.at ?? 0) - now() + some(0, 30), () => void ring(name)))
  }
  const ring = async (name: string, isAgain = false): Promise<void> => {
    plans.get(name)?.()
    plans.delete(name)
    const kept = keep(name)
    const { sets, alarm: at } = kept
    if (ringing.has(name) || (at === null && !isAgain)) return
    ringing.add(name)
    const life = born(name)
    const end = await Promise.race([life.died.then(() => 'died' as const), new Promise<'done' | 'failed' | 'other'>((resolve) => life.event(() => {
      // it was set anew, and that isn't kept yet
      if (!isAgain && life.alarm !== at) return resolve('other')
      if (!isAgain) life.alarm = null
      void (life.object.alarm?.() ?? Promise.resolve()).then(() => resolve('done'), () => resolve('failed'))
    }))])
    const fate = end === 'failed' ? end : await Promise.race([life.died.then(() => 'died' as const), life.out().then(() => end)])
    const isSame = kept.sets === sets && !isAgain
    if (fate === 'done' && isSame) kept.alarm = null
    if (fate === 'died' && isSame) retries.set(name, { count: retries.get(name)?.count ?? 0, at: now() + RETRY_MS })
    if (fate === 'failed' && isSame) {
      const count = (retries.get(name)?.count ?? 0) + 1
      retries.set(name, { count, at: now() + RETRY_MS * 2 ** (count - 1) })
      if (count > MOST_RETRIES) kept.alarm = null
      else life.alarm ??= at
    }
    ringing.delete(name)
    if (fate === 'done' && chance.fault('alarm', name) === 'twice') later(some(0, 5000), () => void ring(name, true))
    plan(name)
  }

  return { namespace: namespaceOf(), kept: keptOf as ReadonlyMap<string, Kept>, alive: alive as ReadonlyMap<string, Life>, ringing: ringing as ReadonlySet<string> }
}
