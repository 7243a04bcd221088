/** The thirteen laws that a story is held to, by their numbers; each gives what breaks it. The thirteenth is `stores.test.ts`'s. */
import type { Entry, Run } from '../../../unitgraph/runtime/workflow/run.ts'
import { readValue } from '../../../unitgraph/runtime/workflow/values.ts'
import { chance, turns } from './lab.ts'
import { interpret, type Program } from './programs.ts'
import type { Event, Story } from './simulator.ts'

type Law = (story: Story) => string[] | Promise<string[]>
type Of<Is extends Event['is']> = Extract<Event, { is: Is }>

const of = <Is extends Event['is']>({ events }: Story, is: Is): Of<Is>[] => events.filter((event): event is Of<Is> => event.is === is)
const stepOf = (key: string): string => key.slice(key.lastIndexOf('/') + 1)
const isEnd = (status: string): boolean => ['completed', 'failed', 'cancelled'].includes(status)
const done = ({ journal }: Pick<Run, 'journal'>): Entry[] => journal.filter(({ phase }) => phase === 'done')
const WAITS = ['approval', 'event', 'child']

const isOpen = ({ journal }: Run): boolean => journal.some(({ kind, key, phase }) =>
  phase === 'open' && WAITS.includes(kind) && !journal.some((entry) => entry.key === key && entry.phase === 'done'))

/** Every run that isn't finished has a live lease, a due time, an open wait (a child's end is one) or a stated pause; and all come to an end. */
const law1: Law = (story) => {
  const heads = new Map<string, Run['head']>()
  const wrong = of(story, 'run').flatMap(({ run }) => {
    const { id, status, leaseUntil, dueAt, reason } = run.head
    heads.set(id, run.head)
    const isChildLive = (): boolean => [...heads.values()].some((head) => head.parentId === id && !isEnd(head.status))
    const isFine = isEnd(status) || (status === 'running' ? leaseUntil !== null : status === 'paused' ? reason !== null : dueAt !== null || isOpen(run) || isChildLive())
    return isFine ? [] : [`${id} is ${status} and nothing will wake it`]
  })
  return story.stuck === undefined ? wrong : [...wrong, `no end ${story.stuck}`]
}

/** The journal has no gap, no change, one terminal entry a key. */
const law2: Law = (story) => {
  const before = new Map<string, Run>()
  const wrong: string[] = []
  for (const { run } of of(story, 'run')) {
    const { id, seq } = run.head
    const known = before.get(id)?.journal ?? []
    if (JSON.stringify(run.journal.slice(0, known.length)) !== JSON.stringify(known)) wrong.push(`${id}: what was written has changed`)
    if (run.journal.some((entry, index) => entry.seq !== index + 1) || seq !== run.journal.length) wrong.push(`${id}: its journal has a gap`)
    const words = done(run).map(({ key }) => key)
    if (new Set(words).size < words.length) wrong.push(`${id}: a step has two last words`)
    before.set(id, run)
  }
  return wrong
}

/** No body starts after its result was acknowledged. */
const law3: Law = (story) => of(story, 'told').flatMap(({ given, n }) => given.entries.filter(({ phase }) => phase === 'done').flatMap(({ key }) =>
  story.events.some((event) => event.is === 'body' && event.n > n && event.run === given.id && event.step === stepOf(key)) ? [`${given.id}: ${key} began after it was known to be over`] : []))

/** Each recorded success has a body; as many as attempts without faults, at most one more each fault; `once` steps one. */
const law4: Law = (story) => story.runs.flatMap((run) => {
  const bodies = of(story, 'body').filter((event) => event.run === run.head.id)
  return done(run).filter(({ kind, attempt, key }) => ['inline', 'rpc', 'undo'].includes(kind) && attempt > 0 && key !== '!undo').flatMap(({ key, attempt, error }) => {
    const count = bodies.filter(({ step }) => step === stepOf(key)).length
    const isOnce = run.journal.some((entry) => entry.key === key && entry.phase === 'open') && !story.events.some(() => false) && isOnceStep(run, key)
    if (error !== null && isOnce) return count > 1 ? [`${run.head.id}: ${key} ran ${count} times and may once`] : []
    const most = isOnce ? 1 : attempt + story.faults
    return count < (error === null ? attempt : 1) || count > most ? [`${run.head.id}: ${key} ran ${count} times for ${attempt} attempts`] : []
  })
})
const isOnceStep = ({ input }: Run, key: string): boolean => new RegExp(`"name":"${stepOf(key)}"[^}]*"once":true`).test(input)

/** No append with epoch e succeeds after e+1 was granted; at most one unexpired lease a run. */
const law5: Law = (story) => {
  const granted = new Map<string, { epoch: number; until: number; isHeld: boolean }>()
  const wrong: string[] = []
  for (const event of story.events) {
    if (event.is === 'claim') {
      for (const { head } of event.runs) {
        const last = granted.get(head.id)
        if (last && (head.epoch <= last.epoch || (last.isHeld && event.at < last.until))) wrong.push(`${head.id}: ${event.worker} was given epoch ${head.epoch} while somebody had it`)
        granted.set(head.id, { epoch: head.epoch, until: head.leaseUntil ?? 0, isHeld: true })
      }
    } else if (event.is === 'append' && event.ok && event.given.epoch < (granted.get(event.given.id)?.epoch ?? 0)) {
      wrong.push(`${event.given.id}: epoch ${event.given.epoch} wrote after a later one was granted`)
    } else if (event.is === 'run') {
      const { id, status, leaseUntil } = event.run.head
      const last = granted.get(id)
      if (last) granted.set(id, { ...last, isHeld: status === 'running', until: leaseUntil ?? last.until })
    }
  }
  return wrong
}

/** What code asks for, in its order, and what it comes to, with the first entries of its journal and nothing done. */
const replay = async (story: Story, run: Run, length: number): Promise<{ asks: string[]; end: string | undefined }> => {
  const asks: string[] = []
  let end: string | undefined
  const never = new Promise<never>(() => undefined)
  const { engine, code = (_version, wire, program, work) => interpret(wire, program, work) } = story.plan
  const store = { append: async ({ change }: { change?: { status?: string; output?: string } }) => {
    if (change?.output !== undefined) end = change.output
    return { is: 'fenced' }
  }, deliver: async () => ({ is: 'late' }), inbox: async () => [], note: async () => undefined }
  const timers: (() => void)[] = []
  const head = { ...run.head, cancelAt: null, status: 'running' as const, finishedAt: null }
  const execution = engine.createExecution({ ...run, head, journal: run.journal.slice(0, length), output: null, error: null }, {
    store: store as never, now: () => 0, turn: () => turns(1), random: chance(1), after: (_ms, call) => { timers.push(call); return () => undefined },
  }, async (live) => {
    const seen = { ...live, ask: (asking: Parameters<typeof live.ask>[0]) => { asks.push(`${asking.key} ${asking.kind} ${asking.fingerprint}`); return live.ask(asking) } }
    const { wire } = engine.createWorkflowWire(seen, { node: () => never, call: () => never, isWorkflow: (id) => id === 'child', startChild: () => never })
    return () => code(run.head.version, wire, readValue(run.input) as Program, () => never)
  })
  const ended = execution.go()
  await turns(3 * length + 12)
  execution.leave()
  for (const call of timers) call()
  await Promise.race([ended.catch(() => undefined), turns(20)])
  execution.lose()
  return { asks, end }
}
/** Replaying any prefix gives the same calls, order and output. */
const law6: Law = async (story) => {
  const wrong: string[] = []
  for (const run of story.runs.filter(({ head, journal }) => head.status === 'completed' && journal.length < 60)) {
    const whole = await replay(story, run, run.journal.length)
    if (whole.end !== run.output) wrong.push(`${run.head.id}: replayed, it ends otherwise: ${String(whole.end)}, not ${String(run.output)}`)
    const random = chance(run.journal.length)
    for (const length of new Set([0, Math.floor(random() * run.journal.length), Math.floor(random() * run.journal.length)])) {
      const { asks } = await replay(story, run, length)
      if (asks.some((ask, index) => ask !== whole.asks[index])) wrong.push(`${run.head.id}: with ${length} entries it asks ${asks.join()}, with all ${whole.asks.join()}`)
    }
  }
  return wrong
}

/** Timers are never early, never restarted, late by a bound. */
const law7: Law = (story) => {
  const boundMs = 4000 + story.faults * 60_000
  return story.runs.flatMap(({ head, journal }) => journal.filter(({ phase, kind }) => phase === 'open' && kind === 'sleep').flatMap((open) => {
    const { until } = readValue(open.value) as { until: number }
    const same = journal.filter(({ key }) => key === open.key)
    const word = same.find(({ phase }) => phase === 'done')
    if (same.filter(({ phase }) => phase === 'open').length > 1) return [`${head.id}: ${open.key} was begun twice`]
    if (!word) return []
    if (word.at < until || until < open.startedAt) return [`${head.id}: ${open.key} was over ${until - word.at} ms early`]
    return word.at > until + boundMs && head.concurrencyKey === null && head.cancelAt === null ? [`${head.id}: ${open.key} was over ${word.at - until} ms late`] : []
  })).concat(story.runs.flatMap(({ head, journal }) => journal.filter(({ phase }) => phase === 'retry').flatMap(({ key, value, attempt }) => {
    const { until } = readValue(value) as { until: number }
    const next = journal.find((entry) => entry.key === key && entry.attempt === attempt + 1)
    return next && next.startedAt < until ? [`${head.id}: ${key} was tried again ${until - next.startedAt} ms early`] : []
  })))
}

/** Each message is consumed at most once, none is lost; exactly one of decision and expiry. */
const law8: Law = (story) => story.runs.flatMap(({ head, journal, inbox }) => {
  const had = done({ journal }).filter(({ kind }) => WAITS.includes(kind)).map((entry) => ({ entry, n: (readValue(entry.value) as { n?: number } | undefined)?.n }))
  const consumed = had.flatMap(({ n }) => (n === undefined ? [] : [n]))
  const ids = inbox.map(({ messageId }) => messageId)
  const kept = of(story, 'deliver').filter(({ run, answer }) => run === head.id && answer === 'delivered')
  return [
    ...(new Set(consumed).size < consumed.length ? [`${head.id}: a message was had twice`] : []),
    ...(consumed.some((n) => !inbox.some((message) => message.n === n)) ? [`${head.id}: a message was had that never came`] : []),
    ...(new Set(ids).size < ids.length ? [`${head.id}: a message is there twice`] : []),
    ...kept.filter(({ messageId }) => !ids.includes(messageId)).map(({ messageId }) => `${head.id}: ${messageId} was lost`),
    ...(new Set(kept.map(({ messageId }) => messageId)).size < kept.length ? [`${head.id}: a message was taken twice`] : []),
    // one that was there in time goes before the end of the time
    ...had.filter(({ entry, n }) => n === undefined && entry.kind === 'approval' && inbox.some((message) => message.key === entry.key && message.at < entry.at))
      .map(({ entry }) => `${head.id}: ${entry.key} is over though it was decided`),
    ...had.filter(({ entry, n }) => n !== undefined && inbox.some((message) => message.n === n && message.at > entry.at)).map(({ entry }) => `${head.id}: ${entry.key} had a message of later`),
  ]
})

/** How long it takes until whoever has a run knows that its end was asked for. */
const HEARD_MS = 16_000

/** A finished run stays finished; after a cancel is recorded, or must be known, no ordinary step starts; a parent sees one completion a child. */
const law9: Law = (story) => {
  const ended = new Map<string, string>()
  const cancelled = new Set<string>()
  const asked = new Map<string, number>()
  const heardMs = HEARD_MS + (story.faults > 0 ? 60_000 : 0)
  const wrong: string[] = []
  const told = new Map<string, number>()
  for (const event of story.events) {
    if (event.is === 'run') {
      const { head, output, error, journal } = event.run
      const now = JSON.stringify([head.status, head.finishedAt, output, error, journal.length])
      const before = ended.get(head.id)
      if (before !== undefined && before !== now) wrong.push(`${head.id} had ended as ${before}, and is ${now}`)
      if (isEnd(head.status)) ended.set(head.id, now)
      if (journal.some(({ kind }) => kind === 'cancel')) cancelled.add(head.id)
      if (head.cancelAt !== null) asked.set(head.id, head.cancelAt)
    } else if (event.is === 'body' && event.at > (asked.get(event.run) ?? Number.POSITIVE_INFINITY) + heardMs && !/, (compensated|undone)$/.test(event.step)) {
      wrong.push(`${event.run}: ${event.step} began ${event.at - (asked.get(event.run) ?? 0)} ms after its end was asked for`)
    } else if (event.is === 'body' && cancelled.has(event.run) && !/, (compensated|undone)$/.test(event.step) && !ranBefore(story, event)) {
      wrong.push(`${event.run}: ${event.step} began after the end was asked for`)
    }
  }
  for (const { head, inbox } of story.runs) for (const { type } of inbox) if (type.startsWith('child ')) told.set(`${head.id} ${type}`, (told.get(`${head.id} ${type}`) ?? 0) + 1)
  return [...wrong, ...[...told].filter(([, count]) => count > 1).map(([what]) => `${what} was told twice`)]
}
/** By a worker that has lost the run, and begins before it can know. */
const ranBefore = ({ events }: Story, { run, worker, n }: Of<'body'>): boolean => {
  const last = events.slice(0, n).findLast((event): event is Of<'claim'> => event.is === 'claim' && event.runs.some(({ head }) => head.id === run))
  return last?.worker !== worker
}

/** The same start id gives the same run; another input gives a conflict. */
const law10: Law = (story) => {
  const first = new Map<string, string>()
  return of(story, 'start').flatMap(({ given: { id, name, input }, answer }) => {
    const known = first.get(id)
    const now = `${name} ${input}`
    if (known === undefined) first.set(id, now)
    const expected = known === undefined ? 'started' : known === now ? 'known' : 'conflict'
    return answer === expected ? [] : [`${id}: a start was ${answer}, not ${expected}`]
  })
}

/** Running per limit key never exceeds its maximum; nor begins, in any time, what the bucket had and got. */
const law11: Law = (story) => {
  const { limits } = story
  const heads = new Map<string, Run['head']>()
  const wrong: string[] = []
  const begun: number[] = of(story, 'token').map(({ at }) => at)
  const over = new Map<string, number>()
  const tokens = new Set(of(story, 'token').map(({ run }) => run))
  const together = (event: Event): boolean => event.is === 'claim'
  for (const event of story.events) {
    if (event.is === 'claim') {
      for (const { head } of event.runs) {
        heads.set(head.id, head)
        // where tokens are given apart from runs, a run begins a while later
        // one whose end is asked for before it has begun needs no token
        if (head.epoch !== 1 || head.rateKey === null || head.cancelAt !== null) continue
        if (tokens.size === 0) begun.push(event.at)
        else if (!tokens.has(head.id)) wrong.push(`${head.id} begins without a token`)
      }
    }
    if (event.is === 'run') {
      const { head } = event.run
      if ((head.leaseUntil ?? 0) > (heads.get(head.id)?.leaseUntil ?? 0)) over.delete(head.id)
      heads.set(head.id, head)
    }
    if (event.is === 'over') over.set(event.run, Math.max(event.epoch, over.get(event.run) ?? 0))
    if (event.is === 'body') {
      const head = heads.get(event.run)
      if (head && limits.has(head.concurrencyKey ?? '') && over.get(head.id) === head.epoch) wrong.push(`${head.id}: ${event.step} began when its place may be another's`)
    }
    if (!together(event) && event.is !== 'run') continue
    for (const [key, most] of limits) {
      const count = [...heads.values()].filter((head) => head.concurrencyKey === key && head.status === 'running' && over.get(head.id) !== head.epoch).length
      if (count > most) wrong.push(`${count} runs of ${key} are in hand at ${event.at}, and may be ${most}`)
    }
  }
  for (const [index, from] of begun.entries()) {
    for (const [more, to] of begun.slice(index).entries()) if (more + 1 > 2 + ((to - from) * 2) / 4000 + 1e-6) wrong.push(`${more + 1} runs began in ${to - from} ms`)
  }
  return wrong
}

const ENDING = ', compensated'

/** Compensations run in reverse, each once, with the step's input; none of what was done, or may have been, is left. */
const law12: Law = (story) => story.runs.flatMap((run) => {
  const { head, journal } = run
  const plan = journal.find(({ key }) => key === '!undo')
  const keys = plan ? (readValue(plan.value) as { keys: string[] }).keys : []
  const firstOf = (key: string): Entry | undefined => journal.find((entry) => entry.key === key)
  const hasFailed = (key: string): boolean => journal.some((entry) => entry.key === key && entry.phase === 'done' && entry.error !== null)
  const words = done(run).filter(({ key }) => key.endsWith(ENDING)).map((word) => ({ ...word, of: word.key.slice(0, -ENDING.length) }))
  const undone = words.map((word) => word.of)
  const left = journal.filter(({ phase, kind, key, seq }) => phase === 'open' && ['rpc', 'inline'].includes(kind)
    && seq < (plan?.seq ?? Number.POSITIVE_INFINITY) && !isOnceStep(run, key) && !hasFailed(key) && !keys.includes(key))
  return [
    ...(keys.some((key, index) => index > 0 && (firstOf(key)?.seq ?? 0) > (firstOf(keys[index - 1] as string)?.seq ?? 0)) ? [`${head.id}: not undone in reverse: ${keys.join()}`] : []),
    ...(isEnd(head.status) && undone.join() !== keys.join() ? [`${head.id}: undone ${undone.join()}, planned ${keys.join()}`] : []),
    ...words.filter((word) => word.input !== (firstOf(word.of)?.input ?? null)).map(({ key }) => `${head.id}: ${key} had another input`),
    ...(['failed', 'cancelled'].includes(head.status) ? left.map(({ key }) => `${head.id}: ${key} is not undone`) : []),
  ]
})

export const LAWS: Readonly<Record<number, Law>> = {
  1: law1, 2: law2, 3: law3, 4: law4, 5: law5, 6: law6, 7: law7, 8: law8, 9: law9, 10: law10, 11: law11, 12: law12,
}

/** What is broken, each with its law's number. */
export const broken = async (story: Story, laws: readonly number[] = Object.keys(LAWS).map(Number)): Promise<string[]> => {
  const found: string[] = []
  for (const law of laws) for (const what of await (LAWS[law] as Law)(story)) found.push(`${law}: ${what}`)
  return found
}
