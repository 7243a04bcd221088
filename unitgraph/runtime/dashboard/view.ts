/** A run as people look at it: what of its journal belongs to one step is together. Pure. */
import { redact } from '../core/secrets.ts'
import { digest, toBase64Url, toBytes } from '../core/text.ts'
import { showValue } from '../workflow/hidden.ts'
import { namesOf } from '../workflow/keys.ts'
import { ENDS, PLAN, type Entry, type Head, type Run } from '../workflow/run.ts'
import { entriesOf } from '../workflow/underway.ts'
import { readValue } from '../workflow/values.ts'

export interface Summary {
  readonly id: string
  readonly workflow: string
  /** The digest of its outline that it was last gone on with. */
  readonly version: string
  readonly status: Head['status']
  readonly createdAt: Date
  readonly finishedAt?: Date
  /** When it goes on by itself. */
  readonly dueAt?: Date
  readonly reason?: string
  readonly parent?: string
  /** How many entries its journal has. */
  readonly entries: number
}

/** A value as JSON for people: what is too long is cut. */
export interface Shown {
  readonly text: string
  /** How many characters there are in all, where it was cut. */
  readonly of?: number
}

export interface Failure {
  readonly name: string
  readonly message: string
}

export interface Attempt {
  readonly attempt: number
  readonly startedAt: Date
  readonly endedAt?: Date
  readonly error?: Failure
}

export interface StepView {
  readonly key: string
  /** Scopes that it is in, outermost first: a parallel step's key and its branch, in turns. */
  readonly scopes: readonly string[]
  readonly name: string
  readonly nth: number
  readonly kind: Entry['kind']
  /** The function, event or workflow that it is about. */
  readonly target?: string
  readonly status: 'completed' | 'failed' | 'running' | 'waiting' | 'retrying'
  readonly startedAt: Date
  readonly endedAt?: Date
  readonly attempts: readonly Attempt[]
  /** What it waits for comes until then, or is over. */
  readonly until?: Date
  /** What a function or workflow was called with. */
  readonly input?: Shown
  readonly value?: Shown
  readonly error?: Failure
  /** The run of a child workflow. */
  readonly child?: string
  /** A fork that does this step again keeps as many entries. */
  readonly forkAfter: number
}

export interface RunView extends Summary {
  readonly input: Shown
  readonly output?: Shown
  readonly error?: Failure
  readonly cancelAskedAt?: Date
  readonly session?: Shown
  /** As W3C Trace Context has it. */
  readonly traceparent?: string
  readonly recoveries: number
  readonly steps: readonly StepView[]
  readonly messages: readonly { readonly type: string; readonly by?: string; readonly at: Date; readonly payload: Shown }[]
}

const LONGEST = 20_000
/** Of all values of a run together; each has its part, and some however many they are. */
const ALL = 1_000_000
const SHORTEST = 200

/** What JSON has no word for, in words. */
const plain = (_key: string, value: unknown): unknown => {
  if (typeof value === 'bigint') return `${value}n`
  if (value instanceof Uint8Array) return { bytes: toBase64Url(value.subarray(0, LONGEST)) }
  if (value instanceof Map) return { map: [...value] }
  if (value instanceof Set) return { set: [...value] }
  return value
}

const shown = (value: unknown, longest = LONGEST): Shown => {
  const text = redact(JSON.stringify(value, plain, 2) ?? 'undefined')
  return text.length > longest ? { text: text.slice(0, longest), of: text.length } : { text }
}

const failure = (text: string): Failure => {
  const { name, message } = JSON.parse(text) as Failure
  return { name: redact(name), message: redact(message).slice(0, LONGEST) }
}

export const summaryOf = (head: Head): Summary => ({
  id: head.id, workflow: head.name, version: head.version, status: head.status, createdAt: new Date(head.createdAt), entries: head.seq,
  ...(head.finishedAt !== null && { finishedAt: new Date(head.finishedAt) }),
  ...(head.dueAt !== null && !ENDS.has(head.status) && { dueAt: new Date(head.dueAt) }),
  ...(head.reason !== null && { reason: redact(head.reason) }),
  ...(head.parentId !== null && { parent: parentOf(head.parentId) }),
})

/** A parent on Cloudflare is named with its binding. */
const parentOf = (id: string): string => id.replace(/^[A-Z\d_]+ /, '')

const WAITS: ReadonlySet<Entry['kind']> = new Set<Entry['kind']>(['sleep', 'approval', 'event'])

/** What a step gave to the code: of a wait, without how it came. */
const given = ({ kind, value }: Entry): unknown => {
  const read = showValue(value)
  if (kind === 'approval' || kind === 'event') return (read as { value?: unknown } | undefined)?.value
  if (kind !== 'child') return read
  const { ended } = read as { ended: { output: string | null } }
  return showValue(ended.output)
}

const failed = (entry: Entry): Failure | undefined => {
  if (entry.error !== null) return failure(entry.error)
  if (entry.kind !== 'child' || entry.phase !== 'done') return undefined
  const { error } = (readValue(entry.value) as { ended: { error: string | null } }).ended
  return error === null ? undefined : failure(error)
}

/** The id that a workflow's child is given: `workflow/wire.ts`. */
export const childOf = async (run: string, key: string): Promise<string> => `${run}.${(await digest(toBytes(key))).slice(0, 16)}`

const stepOf = async (run: string, entries: readonly Entry[], longest: number): Promise<StepView> => {
  const [first, last] = [entries[0] as Entry, entries.at(-1) as Entry]
  const error = failed(last)
  const isDone = last.phase === 'done'
  const waitsUntil = isDone ? undefined : (readValue(last.value) as { until?: number | null } | undefined)?.until
  // that one began is said until it is over
  const attempts = entries.filter(({ attempt, phase }, index) => attempt > 0 && (phase !== 'open' || index === entries.length - 1))
  const status = isDone ? (error ? 'failed' : 'completed') : last.phase === 'retry' ? 'retrying' : WAITS.has(last.kind) ? 'waiting' : 'running'
  const hasValue = isDone && !error && last.kind !== 'sleep' && last.kind !== 'cancel'
  return {
    key: first.key, ...namesOf(first.key), kind: first.kind, status, startedAt: new Date(first.startedAt), forkAfter: first.seq - 1,
    ...(first.fingerprint && { target: first.fingerprint }), ...(isDone && { endedAt: new Date(last.at) }),
    attempts: attempts.map((entry) => {
      const error = entry.phase === 'open' ? undefined : failed(entry)
      return {
        attempt: entry.attempt, startedAt: new Date(entry.startedAt),
        ...(entry.phase !== 'open' && { endedAt: new Date(entry.at) }), ...(error && { error }),
      }
    }),
    ...(typeof waitsUntil === 'number' && { until: new Date(waitsUntil) }),
    ...(last.input !== null && { input: shown(showValue(last.input), longest) }),
    ...(hasValue && { value: shown(given(last), longest) }), ...(error && { error }),
    ...(first.kind === 'child' && { child: await childOf(run, first.key) }),
  }
}

export const viewOf = async (run: Run): Promise<RunView> => {
  const { head, input, output, error, inbox } = run
  const byKey = Map.groupBy(entriesOf(run).filter(({ key }) => key !== PLAN), ({ key }) => key)
  const longest = Math.max(SHORTEST, Math.min(LONGEST, Math.floor(ALL / (2 * byKey.size + inbox.length + 1))))
  return {
    ...summaryOf(head), recoveries: head.recoveries, input: shown(showValue(input)),
    ...(output !== null && { output: shown(showValue(output)) }), ...(error !== null && { error: failure(error) }),
    ...(head.cancelAt !== null && { cancelAskedAt: new Date(head.cancelAt) }),
    ...(head.principal !== null && { session: shown(readValue(head.principal)) }),
    ...(head.traceparent !== null && { traceparent: head.traceparent }),
    steps: await Promise.all([...byKey.values()].map((entries) => stepOf(head.id, entries, longest))),
    // what a child says of its end is its step's
    messages: inbox.filter(({ type }) => !type.startsWith('child ')).map(({ type, by, at, payload }) =>
      ({ type, at: new Date(at), payload: shown(readValue(payload), longest), ...(by !== null && { by }) })),
  }
}
