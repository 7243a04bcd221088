/** That the laws see what they are for: the engine and the store with one fault each, and the laws that it breaks. */
import { afterAll, expect, test } from 'bun:test'
import { cpSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { broken } from './invariants.ts'
import { simulateObjects, type Parts } from './objects.ts'
import { simulate, type Engine, type Fault } from './simulator.ts'
import type { Make } from './stores.ts'

declare const process: { readonly env: Readonly<Record<string, string | undefined>> }

const RUNTIME = join(import.meta.dir, '../../../unitgraph/runtime')
/** Where a fault isn't seen by then, it isn't seen. */
const SEEDS = 300

const folders: string[] = []

/** The engine with a text in one of its files put in another's place. */
const mutant = async (file: string, from: string, to: string): Promise<(name: string) => Promise<any>> => {
  const folder = mkdtempSync(join(tmpdir(), 'unitgraph-mutant-'))
  folders.push(folder)
  for (const name of readdirSync(RUNTIME)) if (name !== 'workflow') symlinkSync(join(RUNTIME, name), join(folder, name))
  cpSync(join(RUNTIME, 'workflow'), join(folder, 'workflow'), { recursive: true })
  const path = join(folder, 'workflow', file)
  const text = readFileSync(path, 'utf8')
  expect(text.split(from).length, `${file} has this once: ${from}`).toBe(2)
  writeFileSync(path, text.replace(from, () => to))
  return (name: string): Promise<any> => import(join(folder, 'workflow', name))
}
const beforeStores = async (load: (name: string) => Promise<any>): Promise<{ engine: Engine; store: Make }> => {
  const [{ createExecution }, { createWorkflowWire }, { createWorker }, { createClock }, { createMemoryStore }] =
    await Promise.all(['execution.ts', 'wire.ts', 'worker.ts', 'world.ts', 'memory.ts'].map(load))
  return { engine: { createExecution, createWorkflowWire, createWorker, createClock }, store: createMemoryStore }
}

afterAll(() => { for (const folder of folders) rmSync(folder, { recursive: true, force: true }) })

const asObjects = async (load: (name: string) => Promise<any>): Promise<Parts> => {
  const names = ['execution.ts', 'wire.ts', ...['object.ts', 'service.ts', 'calls.ts', 'listing.ts'].map((name) => `cloudflare/${name}`)]
  return Object.assign({}, ...(await Promise.all(names.map(load)))) as Parts
}

type Row = [name: string, laws: number[], file: string, from: string, to: string, kinds?: Fault[]]

const ROWS: readonly Row[] = [
  ['a run that waits has no due time', [1], 'memory.ts', 'dueAt: dueAt ?? null }', 'dueAt: null }'],
  ['a message wakes nobody', [1], 'memory.ts', "...(run.head.status === 'waiting' && { dueAt: now() }) }", '}'],
  ['who parks doesn\'t look for messages again', [1, 8], 'execution.ts', 'const isCareful = isParking || group.some(({ again }) => again)', 'const isCareful = false'],
  ['an append of long ago is written', [2, 7], 'memory.ts', "if (head.status !== 'running' || head.seq !== fromSeq) return", "if (head.status !== 'running') return", ['ghost', 'lost request']],
  ['of several entries one is written', [2], 'memory.ts', 'run.journal.push(...entries.map(', 'run.journal.push(...entries.slice(0, 1).map('],
  ['what was done is done again', [3, 4], 'execution.ts', 'if (!asked.has(entry.key) && !(await comesTo', 'if (entry.attempt === 2) { cursor += 1; continue }\n      if (!asked.has(entry.key) && !(await comesTo'],
  ['a process that was stopped goes on without asking', [3], 'wire.ts', ' || world.holds?.() === false', '', ['stopped']],
  ['a step that may run once runs again', [4], 'wire.ts', 'return !options.once', 'return true', ['crash']],
  ['a zombie may write', [5], 'memory.ts', 'if (!run || run.head.epoch !== epoch) return', 'if (!run) return'],
  ['a lease that holds is taken', [5], 'memory.ts', "return status === 'running' ? leaseUntil :", "return status === 'running' ? leaseUntil! - 14_900 :"],
  ['a lease that is renewed isn\'t', [3, 4, 5], 'memory.ts', 'run.head = { ...run.head, leaseUntil: now() + ttlMs }', ''],
  ['chance is another one when it is replayed', [6], 'wire.ts', "random: async () => (await recorded('random', 'random', () => world.random())) as number", 'random: async () => Math.random()'],
  ['a sleep begins anew', [7], 'wire.ts', 'if (known) return known.until', ''],
  ['a clock goes ahead of the store\'s', [7], 'world.ts', 'offset = storeNow - monotonic()', 'offset = storeNow - monotonic() + 250'],
  ['a step is tried again at once', [7], 'wire.ts', 'return again(number + 1, until)', 'return attempt(number + 1)'],
  ['a time is over though there was a decision', [8], 'wire.ts', 'fingerprint, over), again: listen }', 'fingerprint, over) }'],
  ['a message is taken twice', [8], 'memory.ts', "if (first) return { is: 'duplicate', first }", ''],
  ['two steps have one message', [8], 'waits.ts', 'if (message) consumed.add(message.n)', ''],
  ['a run that has ended ends again', [9], 'memory.ts', 'if (!run || ENDS.has(run.head.status)) return run?.head', 'if (!run) return undefined'],
  ['nobody hears that the end was asked for', [9], 'execution.ts', 'if (cancelAt !== null && !isCancelled && !outcome && !failure) {', 'if (Number(0)) {'],
  ['a child is begun twice', [9], 'wire.ts', 'const id = `${runId}.${(await digest(toBytes(key))).slice(0, 16)}`', 'const id = `${runId}.${crypto.randomUUID()}`', ['crash', 'crash after', 'stopped']],
  ['another input is the same run', [10], 'memory.ts', 'known.head.name === run.name && known.input === run.input', 'true'],
  ['a key has one too many', [11], 'flow.ts', 'known < limit', 'known <= limit'],
  ['what is taken in one claim isn\'t counted', [11], 'flow.ts', 'if (key !== null) running.set(key, inHand + 1)', ''],
  ['a bucket is never empty', [11], 'flow.ts', 'if (tokens >= WHOLE) {', 'if (true) {'],
  ['the first step is undone first', [12], 'undoing.ts', 'b.seq - a.seq', 'a.seq - b.seq'],
  ['what undoes has no input', [12], 'wire.ts', "kind: 'undo', fingerprint, input, options: {}, body: undo }", "kind: 'undo', fingerprint, input: null, options: {}, body: undo }"],
  ['what was begun and not known isn\'t undone', [12], 'undoing.ts', 'return entries[0] && !hasFailed ?', "return entries.some(({ phase }) => phase === 'done') && entries[0] && !hasFailed ?", ['crash']],
  ['each process plans anew what is undone', [2, 6, 12], 'execution.ts', "if (entry.key === PLAN) {\n        cursor += 1\n        plan = readValue(entry.value) as Plan", "if (entry.key === PLAN) {\n        cursor += 1\n        plan = { keys: undoing.keys((key) => byKey.get(key) ?? []).reverse(), error: (readValue(entry.value) as Plan).error }"],
]

test.each<Row>([...ROWS])('noticed: %s', async (...[, laws, file, from, to, kinds]: Row) => {
  const { engine, store } = await beforeStores(await mutant(file, from, to))
  const seen = new Set<string>()
  for (let seed = 1; seed <= SEEDS; seed += 1) {
    const story = await simulate({ seed, engine, store, kinds, runs: 1 + (seed % 5), faults: kinds ? 9 : seed % 4 === 0 ? 0 : seed % 9 })
    for (const what of await broken(story)) seen.add(what)
    if ([...seen].some((what) => laws.includes(Number.parseInt(what, 10)))) return
  }
  throw new Error(`Not noticed by ${laws.join(' or ')}; broken: ${[...seen].slice(0, 5).join('; ') || 'nothing'}`)
}, 120_000)

/** Where each is noticed if runs are Durable Objects: a seed, by which laws if others; or why it can't be there. */
const OF_OBJECTS: Readonly<Record<string, string | { seed: number; laws?: number[]; kinds?: Fault[] }>> = {
  'a run that waits has no due time': { seed: 1 },
  'a message wakes nobody': { seed: 1 },
  'who parks doesn\'t look for messages again': { seed: 4 },
  'an append of long ago is written': 'nothing appends from elsewhere: who does is in the object',
  'of several entries one is written': { seed: 1, laws: [1] },
  'what was done is done again': { seed: 1, laws: [1] },
  'a process that was stopped goes on without asking': { seed: 19, laws: [11] },
  'a step that may run once runs again': { seed: 34 },
  'a zombie may write': 'storage refuses whoever was replaced, and an object has ended what it had before it claims anew',
  'a lease that holds is taken': { seed: 194 },
  'a lease that is renewed isn\'t': { seed: 29, laws: [11] },
  'chance is another one when it is replayed': { seed: 1 },
  'a sleep begins anew': { seed: 1 },
  'a clock goes ahead of the store\'s': 'an object has one clock, which is its store\'s',
  'a step is tried again at once': { seed: 1 },
  'a time is over though there was a decision': { seed: 1 },
  'a message is taken twice': { seed: 1 },
  'two steps have one message': { seed: 1 },
  'a run that has ended ends again': { seed: 1 },
  'nobody hears that the end was asked for': { seed: 1 },
  'a child is begun twice': { seed: 1, kinds: ['crash', 'dies after', 'stopped'] },
  'another input is the same run': { seed: 1 },
  'a key has one too many': 'keys are objects of their own: "a key of an object has one too many"',
  'what is taken in one claim isn\'t counted': 'a claim has one run',
  'a bucket is never empty': 'buckets are objects of their own: "a bucket of an object is never empty"',
  'the first step is undone first': { seed: 1 },
  'what undoes has no input': { seed: 1 },
  'what was begun and not known isn\'t undone': { seed: 1 },
  'each process plans anew what is undone': { seed: 1 },
  'nothing rings should an object die at work': { seed: 1 },
  'head and journal are written one after the other': { seed: 1 },
  'an object that stood still goes on without its place': { seed: 1 },
  'a place is another\'s before its lease is over': { seed: 12, kinds: ['stopped', 'replaced', 'lost answer', 'late'] },
  'who has its place goes on however late it hears so': { seed: 1 },
  'a list believes the clock that goes ahead': { seed: 32, kinds: ['replaced', 'crash'] },
  'a list isn\'t told again': { seed: 1 },
  'a key of an object has one too many': { seed: 1 },
  'a bucket of an object is never empty': { seed: 1 },
  'a clock that lags puts what comes now before what was': { seed: 42, kinds: ['stopped', 'replaced', 'lost answer', 'late'] },
  'a handler that failed isn\'t called again': { seed: 1 },
}

/** What only they have. */
const MORE: readonly Row[] = [
  ['nothing rings should an object die at work', [0, 1], 'cloudflare/object.ts', "if (status === 'running') return leaseUntil", "if (status === 'running') return null"],
  ['head and journal are written one after the other', [0, 1, 2], 'cloudflare/object.ts', 'groups.push(storage.put({ ...Object.fromEntries(entries), run: kept }), arm(kept.head))', 'await storage.put({ run: kept }); groups.push(storage.put(Object.fromEntries(entries)), arm(kept.head))'],
  ['an object that stood still goes on without its place', [11], 'cloudflare/object.ts', 'const holds = (): boolean => !holder.isHeld || now() < sureUntil', 'const holds = (): boolean => true', ['stopped']],
  ['a place is another\'s before its lease is over', [11], 'cloudflare/limits.ts', 'const HELD_MS = LEASE_MS + PROMPT_MS + 3000', 'const HELD_MS = LEASE_MS - 5000'],
  ['who has its place goes on however late it hears so', [11], 'cloudflare/object.ts', 'if (holder.isHeld && this.#around.now() - asked > PROMPT_MS) return this.#around.now()', '', ['late']],
  ['a list believes the clock that goes ahead', [0], 'cloudflare/object.ts', 'last > at; last = await tell(at)', 'Number(0) > 1; last = await tell(at)'],
  ['a list isn\'t told again', [0], 'cloudflare/object.ts', "const isTold = head.status === 'running' || this.#told === wordOf(head)", 'const isTold = true'],
  ['a key of an object has one too many', [11], 'cloudflare/limits.ts', 'first(places).indexOf(run) >= concurrencyLimit', 'first(places).indexOf(run) > concurrencyLimit'],
  ['a bucket of an object is never empty', [11], 'cloudflare/limits.ts', 'if (tokens < WHOLE) return', 'if (Number(0)) return'],
  ['a clock that lags puts what comes now before what was', [8], 'cloudflare/object.ts', 'latest = Math.max(latest, this.#around.now())', 'this.#around.now()'],
  ['a handler that failed isn\'t called again', [0, 1], 'cloudflare/object.ts', 'await this.#setAlarm(this.#around.now() + AFTER_FAULT_MS)', 'await this.#setAlarm(null)'],
]

test('it is known of each what becomes of it as objects', () => {
  expect(Object.keys(OF_OBJECTS)).toEqual([...ROWS, ...MORE].map(([name]) => name))
})

test.each<Row>([...ROWS, ...MORE].filter(([name]) => typeof OF_OBJECTS[name] !== 'string'))('noticed as objects: %s', async (...[name, laws, file, from, to, kinds]: Row) => {
  const parts = await asObjects(await mutant(file, from, to))
  const { seed: first, ...given } = OF_OBJECTS[name] as { seed: number; laws?: number[]; kinds?: Fault[] }
  const breaks = given.laws ?? laws
  const seen = new Set<string>()
  const isNoticed = async (seed: number): Promise<boolean> => {
    const story = await simulateObjects({ seed, parts, kinds: given.kinds ?? kinds, rounds: 5000, runs: 1 + (seed % 5), faults: given.kinds ? 24 : kinds ? 12 : seed % 4 === 0 ? 0 : seed % 12 })
    for (const what of [...await broken(story), ...story.wrong.map((one) => `0: ${one}`)]) seen.add(what)
    return [...seen].some((what) => breaks.includes(Number.parseInt(what, 10)))
  }
  // should programs be made otherwise, it is another one
  for (let seed = first; seed <= SEEDS; seed = seed === first && first > 1 ? 1 : seed + 1) {
    if (await isNoticed(seed)) {
      if (process.env['TELL']) console.log('SEEN', JSON.stringify(name), seed, [...seen][0])
      return
    }
  }
  throw new Error(`Not noticed by ${breaks.join(' or ')}; broken: ${[...seen].slice(0, 5).join('; ') || 'nothing'}`)
}, 120_000)
