/**
 * Stories of runs that are Durable Objects, told as `simulator.ts` tells those of workers before a store, so that the same
 * laws hold them: objects end at any write and in any body, are replaced while they go on, stop for a while, lose calls
 * and answers, hear alarms twice, and each comes to life with another clock.
 */
import { unpack } from '../../../unitgraph/runtime/core/json.ts'
import type { Environment } from '../../../unitgraph/runtime/core/environment.ts'
import type * as calls from '../../../unitgraph/runtime/workflow/cloudflare/calls.ts'
import type * as listings from '../../../unitgraph/runtime/workflow/cloudflare/listing.ts'
import type * as objects from '../../../unitgraph/runtime/workflow/cloudflare/object.ts'
import type * as services from '../../../unitgraph/runtime/workflow/cloudflare/service.ts'
import type { Entry, Head, Message, Run } from '../../../unitgraph/runtime/workflow/run.ts'
import type { World } from '../../../unitgraph/runtime/workflow/steps.ts'
import type { Append, Store } from '../../../unitgraph/runtime/workflow/store.ts'
import { readValue } from '../../../unitgraph/runtime/workflow/values.ts'
import { chance } from './lab.ts'
import { createObjects, type Fault as Failure, type Kept, type Life } from './durable.ts'
import { interpret, VALUES, type Program } from './programs.ts'
import { START, type Body, type Engine, type Event, type Fault, type Plan, type Story } from './simulator.ts'
import { createTime, pass, useIt, type Time } from './world.ts'

declare const setImmediate: (call: () => void) => unknown

export interface Parts extends Pick<Engine, 'createExecution' | 'createWorkflowWire'> {
  readonly WorkflowRun: typeof objects.WorkflowRun
  readonly runs: typeof objects.runs
  readonly workflowState: typeof services.workflowState
  readonly call: typeof calls.call
  readonly listOf: typeof listings.listOf
}

/** A new one each time: what waits for it can be forgotten. */
const never = (): Promise<never> => new Promise(() => undefined)
const RUNS = 'UNITGRAPH_RUNS'
/** How far the clock of a machine may be off. */
const SKEW_MS = 3000

const OF_PLACES = {
  call: ['lost request', 'lost answer', 'late'], write: ['dies before', 'dies after', 'replaced'], alarm: ['twice'], body: ['crash', 'stopped', 'replaced'],
} as const satisfies Record<string, readonly Fault[]>
const WHERE = ['write', 'call', 'body', 'alarm'] as const

/** A run as its object has it in storage. */
const runOf = ({ values }: Kept): Run | undefined => {
  const kept = values.get('run') as Omit<Run, 'journal' | 'inbox'> | undefined
  const within = <T>(prefix: string): T[] =>
    [...values].filter(([key]) => key.startsWith(prefix)).sort(([a], [b]) => (a < b ? -1 : 1)).map(([, value]) => value as T)
  // where a child's end is told has the binding before it
  return kept && structuredClone({ ...kept, head: { ...kept.head, parentId: kept.head.parentId?.replace(`${RUNS} `, '') ?? null }, journal: within<Entry>('j'), inbox: within<Message>('m') })
}

export interface ObjectsPlan extends Omit<Plan, 'engine' | 'store' | 'versions' | 'code'> {
  readonly parts: Parts
  /** A story that takes more rounds than this doesn't end. */
  readonly rounds?: number
}

export const simulateObjects = async (plan: ObjectsPlan): Promise<Story & { readonly wrong: readonly string[] }> => {
  const { seed, parts, kinds, overMs = 5000, rounds = 60_000 } = plan
  const random = chance(seed * 2654435761)
  const some = (least: number, most: number): number => least + Math.floor(random() * (most - least + 1))
  const time = createTime(START)
  const events: Event[] = []
  const wrong: string[] = []
  const write = (event: Body<Event>, at = time.now()): void => void events.push({ ...event, at, n: events.length } as Event)

  let faults = 0
  const counts = { write: 0, call: 0, body: 0, alarm: 0 }
  const due = new Map<string, Fault>()
  for (let n = 0; n < plan.faults; n += 1) {
    const where = WHERE[n % WHERE.length] as (typeof WHERE)[number]
    const those = (OF_PLACES[where] as readonly Fault[]).filter((kind) => kinds?.includes(kind) ?? true)
    const most = { write: 20, call: 20, body: 6, alarm: 8 }[where] * plan.runs
    if (those.length > 0) due.set(`${where} ${some(1, most)}`, those[some(0, those.length - 1)] as Fault)
  }
  const faultAt = (where: keyof typeof counts, name: string): Fault | undefined => {
    const fault = due.get(`${where} ${(counts[where] += 1)}`)
    if (!fault) return undefined
    faults += 1
    write({ is: 'fault', what: fault, worker: name })
    return fault
  }

  /** The clock of each object that is in memory. */
  const clocks = new WeakMap<Life, number>()
  const nowOf = (life: Life | undefined): number => time.now() + (life ? clocks.get(life) ?? 0 : 0)

  /** Which holder of its run an object has been. */
  const works = new WeakMap<Life, number>()
  // what is kept of each run, and what became of it
  const before = new Map<string, Run>()
  const paid = new Map<string, number>()
  const look = (name: string): void => {
    const kept = place.kept.get(name)
    const bucket = kept?.values.get('bucket') as { bucket: { at: number }; paid: Readonly<Record<string, number>> } | undefined
    for (const [run, until] of Object.entries(bucket?.paid ?? {})) {
      if (paid.get(run) !== until) write({ is: 'token', run }, bucket?.bucket.at)
      paid.set(run, until)
    }
    const run = kept && runOf(kept)
    if (!run) return
    const { head, journal } = run
    const known = before.get(name)
    before.set(name, run)
    if (known && JSON.stringify(known) === JSON.stringify(run)) return
    const at = nowOf(place.alive.get(name))
    if (!known) write({ is: 'start', given: { id: head.id, name: head.name, version: head.version, input: run.input }, answer: 'started' }, at)
    if (head.epoch > (known?.head.epoch ?? 0)) write({ is: 'claim', runs: [run], worker: name }, at)
    write({ is: 'run', run }, at)
    const { epoch, leaseUntil } = head
    if (leaseUntil !== null) {
      // whoever stands still until then has it no more
      time.later(leaseUntil - at, () => {
        const { head: then } = before.get(name) as Run
        if (then.status === 'running' && then.leaseUntil === leaseUntil) write({ is: 'over', run: head.id, epoch }, at)
      })
    }
    const entries = journal.slice(known?.journal.length ?? 0)
    if (entries.length > 0) write({ is: 'told', given: { id: head.id, epoch: head.epoch, fromSeq: known?.journal.length ?? 0, entries } }, at)
  }

  const place = createObjects({
    ...time, random, fault: (where, name) => faultAt(where, name) as Failure | undefined,
  }, (state, life, namespace) => {
    // how much comes in a time is only as true as the clock that tells it
    clocks.set(life, life.name.startsWith('limit rate') || random() < 0.5 ? 0 : some(-SKEW_MS, SKEW_MS))
    const turn = (): Promise<void> => time.fly(new Promise<void>((resolve) => void setImmediate(resolve))).then(() => (life.isDead ? never() : undefined))
    const env = { [RUNS]: namespace, unit: unitOf(life, namespace), life } as unknown as Environment
    return new parts.WorkflowRun(state as never, env, { now: () => nowOf(life), turn, after: life.after, random })
  }, {
    kept: (name) => {
      look(name)
      const life = place.alive.get(name)
      if (life) works.set(life, before.get(name)?.head.epoch ?? 0)
    },
    ended: (life) => write({ is: 'over', run: life.name, epoch: works.get(life) ?? 0 }, nowOf(life)),
    answered: (_name, asked, said, life) => {
      const { name, given } = unpack(asked) as { name: string; given: any[] }
      const { answer } = unpack(said) as { answer?: { is: string } }
      if (name === 'start' && answer?.is !== 'started') write({ is: 'start', given: given[0] as never, answer: answer?.is as 'known' }, nowOf(life))
      if (name === 'deliver') write({ is: 'deliver', run: given[0] as string, messageId: (given[1] as { messageId: string }).messageId, answer: answer?.is as string }, nowOf(life))
    },
  })

  /** A body's first word goes out of its object. */
  const work = async (life: Life, run: string, step: string, gives: unknown, takesMs = 100): Promise<unknown> => {
    await life.out()
    if (life.isDead) return never()
    write({ is: 'body', run, step, worker: life.name }, nowOf(life))
    const fault = faultAt('body', life.name)
    if (fault === 'crash') {
      time.later(some(0, takesMs), () => life.die())
      if (random() < 0.5) time.later(takesMs + some(0, 5000), () => asked.cancel(run, 'it died'))
    }
    if (fault === 'replaced') time.later(some(0, takesMs), () => life.replace())
    if (fault === 'stopped') life.stop(some(16_000, 40_000))
    await new Promise<void>((resolve) => void life.after(some(0, takesMs), resolve))
    return gives
  }

  const versions = { program: '1', child: '1' }
  const unitOf = (life: Life, namespace: object) => {
    const service = parts.workflowState(versions)({ bindings: { [RUNS]: namespace } } as never)
    const execute = (run: Run, world: World) => parts.createExecution(run, world, async (live) => {
      const { id, name } = run.head
      const { wire } = parts.createWorkflowWire(live, {
        node: () => Promise.reject(new Error('Graphs are tried by themselves')),
        call: async (functionId, data, step) => {
          const { gives, fails, takesMs } = data as { gives?: number; fails?: number; takesMs?: number }
          const given = await work(life, id, step.stepName, VALUES[gives ?? 0], takesMs)
          if (functionId === 'fail') throw new Error('It was to fail')
          if (step.attempt <= (functionId === 'undo' ? 0 : fails ?? 0)) throw new Error('Try again')
          return given
        },
        isWorkflow: (functionId) => functionId === 'child',
        startChild: async (child, data, childId, parent) => void (await service.start(child, data, { id: childId, parent: { ...parent, workflow: name } })),
      })
      return () => (life.isDead ? never() : interpret(wire, readValue(run.input) as Program, (step, gives) => work(life, id, step, gives)))
    })
    return { name: 'unit', host: { project: 'place', services: async () => ({ workflowState: service }) }, options: { workflows: { start: () => new Map([['program', { execute }], ['child', { execute }]]) } } }
  }
  parts.runs(undefined, async (store, env) => {
    const life = env['life'] as unknown as Life
    const append = async (given: Append) => {
      const answer = await store.append(given)
      write({ is: 'append', given, ok: answer.is === 'ok', worker: life.name }, nowOf(life))
      return answer
    }
    return { store: { ...store, append } as Store, close: async () => undefined }
  })(async (env) => ({ unit: env['unit'] }) as never)

  const runs = place.namespace as never
  const firsts = new Map<string, object>()
  const ask = (name: string, method: string, ...given: readonly unknown[]): void => void parts.call(runs, name, method, ...given).catch(() => undefined)
  const asked = {
    start: (run: { id: string }) => {
      if (!firsts.has(run.id)) firsts.set(run.id, run)
      ask(run.id, 'start', run)
    },
    deliver: (id: string, message: object) => ask(id, 'deliver', id, message),
    cancel: (id: string, reason: string) => ask(id, 'cancel', id, reason),
    load: async (id: string) => { const kept = place.kept.get(id); return kept && runOf(kept) },
  }
  const limits = useIt(time, random, asked, { runs: plan.runs, overMs, versions: ['1'], isEnded: true })
  // whoever begins a run asks until it has begun
  for (let n = 0; n < plan.runs; n += 1) {
    const again = (): void => {
      const first = firsts.get(`r${n}`)
      if (first && !before.has(`r${n}`)) ask(`r${n}`, 'start', first)
      if (!before.has(`r${n}`)) time.later(5000, again)
    }
    time.later(overMs + 30_000, again)
  }
  const heads = (): Head[] => [...before.values()].map(({ head }) => head)
  const isOver = async (): Promise<boolean> => {
    for (const { id, status } of heads()) {
      const { alarm } = place.kept.get(id) as Kept
      const run = before.get(id) as Run
      const isWoken = status === 'paused' || (status === 'waiting' && run.head.dueAt === null)
      if (!isWoken && run.head.finishedAt === null && alarm === null && !place.ringing.has(id)) wrong.push(`${id} is ${status} and has no alarm`)
    }
    return Array.from({ length: plan.runs }, (_, n) => `r${n}`).every((id) => before.has(id)) && heads().every(({ finishedAt }) => finishedAt !== null)
  }
  const why = await pass(time, () => events.length, isOver, rounds)
  const stuck = why && `${why}: ${heads().filter(({ finishedAt }) => finishedAt === null).map(({ id, status, dueAt, reason }) => `${id} ${status} ${dueAt} ${reason ?? ''}`).join('; ')}`
  const ended = [...before.values()].sort((a, b) => (a.head.id < b.head.id ? -1 : 1))
  if (stuck === undefined) wrong.push(...await afterwards(time, place.kept, ended, parts))
  for (const { sql } of place.kept.values()) sql?.close()
  return { calls: [], events, runs: ended, faults, stuck, plan: { ...plan, engine: parts as never, store: undefined as never }, limits, wrong: [...new Set(wrong)] }
}

/** What the lists say comes to be true, and once all was kept for as long as it was to be, nothing is left. */
const afterwards = async (time: Time, kept: ReadonlyMap<string, Kept>, runs: readonly Run[], { listOf }: Parts): Promise<string[]> => {
  const listed = (): string[] => [...new Set(runs.map(({ head }) => head.name))].flatMap((name) => {
    const { sql } = kept.get(listOf(name)) ?? {}
    const isThere = sql?.query("SELECT 1 FROM sqlite_master WHERE name = 'listed'").all().length === 1
    const rows = sql && isThere ? sql.query<{ head: string }>('SELECT head FROM listed').all() : []
    return rows.map(({ head }) => JSON.parse(head) as Head).map(({ id, status }) => `${id} ${status}`)
  }).sort()
  const expected = runs.map(({ head }) => `${head.id} ${head.status}`).sort().join()
  const unheard = await pass(time, time.now, async () => listed().join() === expected, 5000)
  const left = (): string[] => [...kept].filter(([, { values }]) => values.size > 0).map(([name]) => name)
  const unforgotten = await pass(time, time.now, async () => left().length === 0 && listed().length === 0, 20_000)
  return [
    ...(unheard === undefined ? [] : [`the list is wrong ${unheard}: ${listed().join()}, not ${expected}`]),
    ...(unforgotten === undefined ? [] : [`there is left ${unforgotten}: ${[...left(), ...listed()].join()}`]),
  ]
}
