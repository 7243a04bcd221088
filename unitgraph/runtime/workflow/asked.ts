/**
 * What may be asked of a workflow's runs, as functions beside the workflow: routes lead to them. Whoever may call the
 * workflow may ask: the same session and middleware, and its permissions with the run's input.
 */
import { author, type FunctionEntry, type Runner } from '../core/definition.ts'
import { ForbiddenError, NotFoundError, reportError } from '../core/errors.ts'
import { permissionsOf } from '../core/around.ts'
import { granted } from '../core/permissions.ts'
import type { PikkuFunction } from '../types/function.ts'
import type { Wire } from '../types/wire.ts'
import { ENDS, PLAN, type Entry, type Run } from './run.ts'
import type { Runs } from './runs.ts'
import { decide, send, text, type Data } from './sent.ts'
import { entriesOf } from './underway.ts'
import { readError, readValue } from './values.ts'

/** What anybody who may ask is told of a run. */
export const statusOf = (run: Run): Record<string, unknown> => {
  const { head, output, error } = run
  return {
    runId: head.id, workflow: head.name, status: head.status,
    createdAt: new Date(head.createdAt), ...(head.finishedAt !== null && { finishedAt: new Date(head.finishedAt) }),
    ...(head.reason !== null && { reason: head.reason }),
    ...(output !== null && { output: readValue(output) }),
    ...(error !== null && { error: publicError(error) }),
    steps: stepsOf(run),
  }
}

/** As a caller of the function would see it. */
const publicError = (text: string): { code: string; message: string } => {
  const { code, message } = reportError(readError(text))
  return { code, message }
}

const WAITS: ReadonlySet<string> = /* @__PURE__ */ new Set(['sleep', 'approval', 'event', 'child'])

const stateOf = ({ kind, phase, error }: Entry): string =>
  phase === 'done' ? (error === null ? 'completed' : 'failed') : phase === 'retry' ? 'retrying' : WAITS.has(kind) ? 'waiting' : 'running'

const attemptOf = ({ attempt, startedAt, at, error }: Entry): unknown => ({
  attempt, startedAt: new Date(startedAt), endedAt: new Date(at), ...(error !== null && { error: publicError(error) }),
})

/** Each step by what is known of it last, in the order in which they began; with all attempts that are over. */
const stepsOf = (run: Run): unknown[] => {
  const entries = entriesOf(run).filter(({ kind, key }) => kind !== 'cancel' && key !== PLAN)
  return [...Map.groupBy(entries, ({ key }) => key)].map(([step, own]) => {
    const [first, last] = [own[0] as Entry, own.at(-1) as Entry]
    const over = own.filter(({ attempt, phase }) => attempt > 0 && phase !== 'open').map(attemptOf)
    return {
      step, kind: last.kind, status: stateOf(last), ...(last.fingerprint && { target: last.fingerprint }),
      ...(last.attempt > 0 && { attempt: last.attempt }), startedAt: new Date(first.startedAt),
      ...(last.phase === 'done' && { endedAt: new Date(last.at) }), ...(over.length > 0 && { attempts: over }),
    }
  })
}

type Act = (run: Run, runs: Runs, data: Data, wire: Wire) => unknown

const by = (wire: Wire): string | null => wire.session?.userId ?? null

const event: Act = async (run, runs, data, wire) => {
  const sent = await send(runs, run, data, by(wire))
  wire.http?.response.status(202)
  return sent
}

const cancel: Act = async (run, runs, data, wire) => {
  const head = await runs.cancel(run.head.id, text(data, 'reason') ?? null)
  wire.http?.response.status(202)
  return { runId: run.head.id, status: head?.status }
}

const LOOK_MS = 250

/** Looks until the run has ended or nobody wants to know any more. */
const untilEnd = async (runs: Runs, id: string, signal: AbortSignal, see: (run: Run) => unknown): Promise<Run | undefined> => {
  for (;;) {
    const run = await runs.load(id)
    if (!run) return undefined
    await see(run)
    if (ENDS.has(run.head.status) || signal.aborted) return run
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS))
  }
}

/** Each change as an event of its own; the run's end is the last. */
const stream: Act = async (run, runs, _data, wire) => {
  let last = ''
  const say = async (seen: Run): Promise<void> => {
    const said = JSON.stringify(statusOf(seen))
    if (said !== last && !ENDS.has(seen.head.status)) await wire.channel?.send(JSON.parse(said))
    last = said
  }
  const ended = await untilEnd(runs, run.head.id, wire.signal, say)
  return ended && statusOf(ended)
}

const ACTS: Readonly<Record<string, Act>> = {
  status: (run) => statusOf(run), stream, event, cancel,
  approve: (run, runs, data, wire) => decide(runs, run, data, by(wire)),
}

const asking = (name: string, act: Act): Runner => async ({ unit, services, data, wire }) => {
  const runs = services['workflowState'] as Runs
  const { runId } = data as { runId: string }
  const run = await runs.load(runId)
  const definition = unit.functions.get(name)
  if (run?.head.name !== name || !definition) throw new NotFoundError('There is no such run')
  for (const needed of permissionsOf(unit, definition)) {
    if (!(await granted(needed, services, readValue(run.input), wire))) throw new ForbiddenError()
  }
  return act(run, runs, data as Data, wire)
}

/** Begins a run, and gives what it comes to, or throws what it failed of. */
const running = (begin: Runner): Runner => async (parts) => {
  const { services, wire } = parts
  const { runId } = (await begin(parts)) as { runId: string }
  const run = await untilEnd(services['workflowState'] as Runs, runId, wire.signal, () => undefined)
  wire.http?.response.status(200)
  if (run && run.error !== null) throw readError(run.error)
  return run && readValue(run.output)
}

/** The functions beside a workflow, by `<workflow> <what is asked>`. */
export const asked = (name: string, entry: FunctionEntry, begin: Runner): Record<string, FunctionEntry> => {
  const { auth, middleware, kind } = author('workflow')(entry.value as PikkuFunction)
  const bare = author(kind)({ func: () => undefined, ...(middleware && { middleware }) })
  const isClosed = auth ?? entry.auth ?? false
  return {
    [`${name} run`]: { ...entry, expose: false, run: running(begin) },
    ...Object.fromEntries(Object.entries(ACTS).map(([what, act]) =>
      [`${name} ${what}`, { value: bare, auth: isClosed, run: asking(name, act) }])),
  }
}
