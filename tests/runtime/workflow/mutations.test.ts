/** That the laws see what they are for: the engine and the store with one fault each, and the laws that it breaks. */
import { afterAll, expect, test } from 'bun:test'
import { cpSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { broken } from './invariants.ts'
import { simulate, type Engine, type Fault } from './simulator.ts'
import type { Make } from './stores.ts'

const RUNTIME = join(import.meta.dir, '../../../unitgraph/runtime')
/** Where a fault isn't seen by then, it isn't seen. */
const SEEDS = 300

const folders: string[] = []

/** The engine with a text in one of its files put in another's place. */
const mutant = async (file: string, from: string, to: string): Promise<{ engine: Engine; store: Make }> => {
  const folder = mkdtempSync(join(tmpdir(), 'unitgraph-mutant-'))
  folders.push(folder)
  for (const name of readdirSync(RUNTIME)) if (name !== 'workflow') symlinkSync(join(RUNTIME, name), join(folder, name))
  cpSync(join(RUNTIME, 'workflow'), join(folder, 'workflow'), { recursive: true })
  const path = join(folder, 'workflow', file)
  const text = readFileSync(path, 'utf8')
  expect(text.split(from).length, `${file} has this once: ${from}`).toBe(2)
  writeFileSync(path, text.replace(from, () => to))
  const load = (name: string): Promise<any> => import(join(folder, 'workflow', name))
  const [{ createExecution }, { createWorkflowWire }, { createWorker }, { createClock }, { createMemoryStore }] =
    await Promise.all(['execution.ts', 'wire.ts', 'worker.ts', 'world.ts', 'memory.ts'].map(load))
  return { engine: { createExecution, createWorkflowWire, createWorker, createClock }, store: createMemoryStore }
}

afterAll(() => { for (const folder of folders) rmSync(folder, { recursive: true, force: true }) })

type Row = [name: string, laws: number[], file: string, from: string, to: string, kinds?: Fault[]]

test.each<Row>([
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
])('noticed: %s', async (...[, laws, file, from, to, kinds]: Row) => {
  const { engine, store } = await mutant(file, from, to)
  const seen = new Set<string>()
  for (let seed = 1; seed <= SEEDS; seed += 1) {
    const story = await simulate({ seed, engine, store, kinds, runs: 1 + (seed % 5), faults: kinds ? 9 : seed % 4 === 0 ? 0 : seed % 9 })
    for (const what of await broken(story)) seen.add(what)
    if ([...seen].some((what) => laws.includes(Number.parseInt(what, 10)))) return
  }
  throw new Error(`Not noticed by ${laws.join(' or ')}; broken: ${[...seen].slice(0, 5).join('; ') || 'nothing'}`)
}, 120_000)
