/**
 * A run as a Durable Object: its storage is the store, its one alarm is when the run is due, and the code runs here. What
 * the store says is written before anybody is answered. An alarm comes at least once, so what it finds undone is done,
 * and a run whose object ended in the middle is one whose lease runs out.
 */
import { createLogger } from '../../core/logger.ts'
import { pack, unpack } from '../../core/json.ts'
import type { Environment } from '../../core/environment.ts'
import type { Handlers, Start } from '../../entry/cloudflare.ts'
import type { OpenSpans } from '../../telemetry/cloudflare.ts'
import type { Execution } from '../execution.ts'
import { createMemoryStore, type Through } from '../memory.ts'
import type { Entry, Head, Message, NewMessage, Run } from '../run.ts'
import type { World } from '../steps.ts'
import type { Delivered, Store } from '../store.ts'
import { createAround, type Around } from '../world.ts'
import { ask, call, RUNS, type Asking, type Namespace } from './calls.ts'
import type { Workflow } from '../index.ts'
import { deadly } from '../deadly.ts'
import type { RunsInObjects } from './service.ts'
import { createHolder, createLimits, LEASE_MS, PROMPT_MS, type Holder } from './limits.ts'
import { createListing, listOf, SEARCHED, type Listing, type Sql } from './listing.ts'

interface Storage {
  get(key: string): Promise<unknown>
  list(): Promise<Map<string, unknown>>
  put(entries: Readonly<Record<string, unknown>>): Promise<void>
  setAlarm(at: number): Promise<void>
  deleteAlarm(): Promise<void>
  deleteAll(): Promise<void>
  readonly sql: Sql
}
interface State {
  readonly storage: Storage
  waitUntil(work: Promise<unknown>): void
  blockConcurrencyWhile<T>(work: () => Promise<T>): Promise<T>
}

const WORKER = 'object'
/** An alarm's handler may take a quarter of an hour; what isn't done by then goes on with the next. */
const LEAVE_MS = 10 * 60_000
const AFTER_FAULT_MS = 5000
/** An alarm that rings so much too early, by the clock that there is here, is waited out: set again, it would ring at once. */
const EARLY_MS = 5000
/** As many as one write takes. */
const MOST_KEYS = 128

const numbered = (prefix: string, n: number): string => `${prefix}${String(n).padStart(12, '0')}`

type Kept = Omit<Run, 'journal' | 'inbox'>

const read = (all: ReadonlyMap<string, unknown>): Run[] => {
  const kept = all.get('run') as Kept | undefined
  if (!kept) return []
  const within = <T>(prefix: string): T[] =>
    [...all].filter(([key]) => key.startsWith(prefix)).sort(([a], [b]) => (a < b ? -1 : 1)).map(([, value]) => value as T)
  return [{ ...kept, journal: within<Entry>('j'), inbox: within<Message>('m') }]
}

/** `arm` sets the alarm that a head needs. */
const writer = (storage: Storage, arm: (head: Head) => Promise<void>): Through => async ({ journal, inbox, ...kept }, before) => {
  const entries: [string, unknown][] = [
    ...journal.slice(before?.seq ?? 0).map((entry): [string, unknown] => [numbered('j', entry.seq), entry]),
    ...inbox.slice(before?.inboxSeq ?? 0).map((message): [string, unknown] => [numbered('m', message.n), message]),
  ]
  // all in one go as storage has it, the alarm, too: what is done without an await between is one
  const groups: Promise<void>[] = []
  while (entries.length >= MOST_KEYS) groups.push(storage.put(Object.fromEntries(entries.splice(0, MOST_KEYS))))
  groups.push(storage.put({ ...Object.fromEntries(entries), run: kept }), arm(kept.head))
  await Promise.all(groups)
}

const dueAt = ({ status, dueAt: due, leaseUntil, finishedAt, retentionMs }: Head): number | null => {
  if (status === 'running') return leaseUntil
  if (status === 'ready' || status === 'waiting') return due
  return finishedAt === null ? null : finishedAt + retentionMs
}

/** What the Worker of this bundle is started with; set as its entry is loaded, which is before any object is made. */
let own: Start | undefined
/** Where the project has a collector. */
let spans: OpenSpans | undefined

/** For the worker's entry: around what it does with other events. */
export const runs = (on?: (start: Start) => Handlers, open?: OpenSpans) => (start: Start): Handlers => {
  own = start
  spans = open
  return on?.(start) ?? {}
}

/** What the Worker is made of, for what it answers besides. */
export const started: Start = async (env, context) => {
  if (!own) throw new Error('The runs of workflows are made by the Worker whose they are')
  return own(env, context)
}

/** What a list says of a run; while somebody works on it, its journal isn't followed. */
const wordOf = ({ status, seq, dueAt: due, cancelAt, reason }: Head): string =>
  JSON.stringify([status, status === 'running' ? null : seq, due, cancelAt, reason])

const LISTING: ReadonlySet<string> = new Set<keyof Listing>(['told', 'gone', 'listed'])

export class WorkflowRun {
  readonly #state: State
  readonly #env: Environment
  readonly #around: Around
  #store: Promise<Store>
  #live: Execution | undefined
  /** What the list was told last. */
  #told: string | undefined
  /** The alarm that was set last, which may have been since. */
  #armed: number | undefined
  #rouse = (): void => undefined

  /** Workers give it the first two. */
  constructor(state: State, env: Environment, around: Around = createAround(Date)) {
    this.#state = state
    this.#env = env
    this.#around = around
    this.#store = state.blockConcurrencyWhile(async () => this.#open(read(await state.storage.list())))
  }

  #open(known: readonly Run[]): Store {
    // a clock that lags behind the one before it, on another machine, must not put what comes now before what was
    let latest = Math.max(0, ...known.flatMap(({ head, journal, inbox }) => [head.createdAt, journal.at(-1)?.at ?? 0, inbox.at(-1)?.at ?? 0]))
    const now = (): number => (latest = Math.max(latest, this.#around.now()))
    return createMemoryStore(now, known, writer(this.#state.storage, (head) => this.#arm(head)))
  }

  async fetch(request: Request): Promise<Response> {
    const store = await this.#store
    const { name, given } = unpack(await request.text()) as Asking
    if (name === 'hold' || name === 'drop' || name === 'pay') {
      const limits = createLimits(this.#state.storage, (id) => call(this.#runs(), id, 'wake', id), this.#around.now)
      return new Response(pack({ answer: await (limits[name] as (...given: readonly unknown[]) => Promise<unknown>)(...given) }))
    }
    if (LISTING.has(name)) {
      const listing = createListing(this.#state.storage.sql)
      return new Response(pack({ answer: (listing[name as keyof Listing] as (...given: readonly unknown[]) => unknown)(...given) }))
    }
    if (name === 'retell') return new Response(pack({ answer: await this.#retell(store) }))
    if (name === 'adopt') return new Response(pack({ answer: await this.#adopt(...(given as readonly [Run, string, number])) }))
    const id = this.#idOf(name, given)
    const answer = name === 'wake' ? undefined : await (store[name as keyof Store] as (...given: readonly unknown[]) => Promise<unknown>)(...given)
    if (name !== 'load') {
      if (name === 'deliver') this.#live?.nudge()
      if (name === 'cancel') this.#live?.cancel()
      this.#rouse()
      const run = await store.load(id)
      if (run) await this.#arm(run.head)
    }
    return new Response(pack({ answer }))
  }

  async alarm(): Promise<void> {
    this.#armed = undefined
    const store = await this.#store
    const [head] = await store.list({ limit: 1 })
    // a key of a limit that nobody has asked about of late
    if (!head) return this.#state.storage.deleteAll()
    try {
      if (head.finishedAt !== null) {
        await this.#tellList(store, head.id)
        await this.#waitFor(dueAt(head) ?? 0)
        return void (await this.#forget(head))
      }
      // beside the run's own way; what isn't heard is said again after it
      const told = this.#tellList(store, head.id).catch(() => undefined)
      await this.#waitFor(dueAt(head) ?? 0)
      const later = await this.#go(store, head)
      await told
      await this.#tellList(store, head.id)
      const run = await store.load(head.id)
      if (later !== null) await this.#setAlarm(later)
      else if (run) await this.#arm(run.head)
    } catch (error) {
      createLogger().error(error, { run: head.id, workflow: head.name, code: 'run-fault' })
      await this.#setAlarm(this.#around.now() + AFTER_FAULT_MS)
    }
  }

  async #waitFor(due: number): Promise<void> {
    const { now, after } = this.#around
    const early = due - now()
    if (early > 0 && early <= EARLY_MS) await new Promise<void>((resolve) => void after(early, (this.#rouse = resolve)))
  }

  #runs(): Namespace {
    const found = this.#env[RUNS] as Namespace | undefined
    if (!found) throw new Error(`The binding ${RUNS} is missing`)
    return found
  }

  #idOf(name: string, given: readonly unknown[]): string {
    return name === 'start' ? (given[0] as { id: string }).id : (given[0] as string)
  }

  /** While somebody works on it: when its lease is over, should that end without a word. Else when it is due, or when its list is to hear of it. */
  async #arm(head: Head): Promise<void> {
    const at = dueAt(head)
    const isTold = head.status === 'running' || this.#told === wordOf(head)
    await this.#setAlarm(isTold ? at : Math.min(at ?? Number.POSITIVE_INFINITY, this.#around.now() + AFTER_FAULT_MS))
  }

  async #setAlarm(at: number | null): Promise<void> {
    if (at === this.#armed) return
    this.#armed = at ?? undefined
    if (at === null) await this.#state.storage.deleteAlarm()
    else await this.#state.storage.setAlarm(Math.max(at, this.#around.now()))
  }

  async #forget(head: Head): Promise<void> {
    if ((head.finishedAt ?? 0) + head.retentionMs > this.#around.now()) return this.#arm(head)
    await call(this.#runs(), listOf(head.name), 'gone', head.id)
    await this.#state.storage.deleteAll()
    this.#store = Promise.resolve(this.#open([]))
    this.#told = undefined
  }

  /** Tells the list of its workflow what the run is, unless it knows. */
  async #tellList(store: Store, id: string): Promise<void> {
    const run = await store.load(id)
    if (!run) return
    const { head, input } = run
    const word = wordOf(head)
    this.#told ??= String(await this.#state.storage.get('told'))
    if (this.#told === word) return
    const tell = async (at: number): Promise<number> =>
      Number(await call(this.#runs(), listOf(head.name), 'told', head, input.slice(0, SEARCHED), at))
    // one that this was before, elsewhere, may have had a clock that goes ahead of ours
    for (let at = this.#around.now(), last = await tell(at); last > at; last = await tell(at)) at = last + 1
    await this.#state.storage.put({ told: word })
    this.#told = word
  }

  /** For a list that was lost. False: this is no run. */
  async #retell(store: Store): Promise<boolean> {
    const [head] = await store.list({ limit: 1 })
    if (!head) return false
    this.#told = ''
    await this.#tellList(store, head.id)
    return true
  }

  /** Becomes a run with the first entries of another's journal; undefined where it is one already. */
  async #adopt(source: Run, as: string, throughSeq: number): Promise<Head | undefined> {
    return this.#state.blockConcurrencyWhile(async () => {
      if (await (await this.#store).load(as)) return undefined
      const copies = createMemoryStore(this.#around.now, [source])
      await copies.fork(source.head.id, as, throughSeq)
      const made = await copies.load(as)
      if (!made) return undefined
      await writer(this.#state.storage, (head) => this.#arm(head))(made, undefined)
      this.#store = Promise.resolve(this.#open([made]))
      return made.head
    })
  }

  /** Goes on with the run as far as it goes now; gives when to try again, where a limit holds it back. */
  async #go(store: Store, head: Head): Promise<number | null> {
    const { id, name } = head
    const { unit } = await started(this.#env, { waitUntil: (work) => this.#state.waitUntil(work) })
    const workflow = unit.options.workflows?.start(unit).get(name)
    if (!workflow) throw new Error(`${unit.name} has no workflow ${name}`)
    const { versions } = (await unit.host.services())['workflowState'] as RunsInObjects
    const version = versions[name] ?? head.version
    const told = await spans?.(store, this.#env, unit.host.project, createLogger())
    const holder = createHolder(() => this.#runs(), head)
    const asked = this.#around.now()
    const later = await holder.begin()
    if (later !== null) return later
    try {
      // its place is held for longer than its lease only if that begins soon
      if (holder.isHeld && this.#around.now() - asked > PROMPT_MS) return this.#around.now()
      await this.#take(told?.store ?? store, head, workflow, version, holder, asked)
    } finally {
      // the run doesn't wait for a collector
      if (told) this.#state.waitUntil(told.close())
      // what isn't given back is over by itself
      await holder.drop().catch((error: unknown) => createLogger().warn(error, { run: id, code: 'run-limit-fault' }))
    }
    return null
  }

  async #take(store: Store, { id, name }: Head, workflow: Workflow, version: string, holder: Holder, asked: number): Promise<void> {
    const { runs: [run] } = await store.claim({ worker: WORKER, ttlMs: LEASE_MS, versions: { [name]: version }, count: 1 })
    const change = run && deadly(run.head)
    if (run && change) await store.append({ id, epoch: run.head.epoch, fromSeq: run.head.seq, entries: [], change })
    else if (run) await this.#work(store, run, workflow, version, holder, asked)
  }

  async #work(store: Store, run: Run, workflow: Workflow, version: string, holder: Holder, asked: number): Promise<void> {
    const { id } = run.head
    const { now, after } = this.#around
    let sureUntil = asked + LEASE_MS
    /** Nobody else can have the run; but its place, should this object have stood still. */
    const holds = (): boolean => !holder.isHeld || now() < sureUntil
    let isUnheard = false
    const telling: Store = {
      ...store,
      append: async (given) => (holds() ? store.append(given) : { is: 'fenced' }),
      deliver: (to, message) => (to === id ? store.deliver(to, message) : this.#tell(to, message).catch((error: unknown) => {
        isUnheard = true
        throw error
      })),
    }
    const world: World = { ...this.#around, store: telling, version, holds }
    const execution = (this.#live = workflow.execute(run, world))
    const keep = async (): Promise<void> => {
      const at = now()
      const isRefused = (await holder.hold()) !== null || !holds()
      if (isRefused) return execution.lose()
      if (holder.isHeld && now() - at > PROMPT_MS) return
      sureUntil = at + LEASE_MS
      await store.renew({ worker: WORKER, ttlMs: LEASE_MS }, [id])
    }
    const forgetLeave = after(LEAVE_MS, () => execution.leave())
    let forgetBeat = (): void => undefined
    const beat = (): void => {
      forgetBeat = after(LEASE_MS / 3, () => {
        void keep().catch(() => { if (!holds()) execution.lose() })
        beat()
      })
    }
    beat()
    try {
      if ((await execution.go()) === 'lost') await store.release(WORKER)
    } catch (error) {
      // that its parent can't be told is not the run's death
      if (isUnheard) await store.release(WORKER)
      throw error
    } finally {
      forgetLeave()
      forgetBeat()
      this.#live = undefined
    }
  }

  /** A parent's object, which may be another unit's. */
  async #tell(parent: string, message: NewMessage): Promise<Delivered> {
    const [binding = RUNS, ...id] = parent.split(' ')
    const found = this.#env[binding] as Namespace | undefined
    if (!found) throw new Error(`The binding ${binding} is missing`)
    return ask(found, id.join(' '), 'deliver', id.join(' '), message)
  }
}
