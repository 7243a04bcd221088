/**
 * Runs over HTTP: begin one, look at it, send to it. Whoever may call a workflow may see and send to its runs: the same
 * session, and its permissions with the run's input.
 */
import { PatternRouter } from 'hono/router/pattern-router'
import type { Call } from '../core/call.ts'
import type { Definition, Runner } from '../core/definition.ts'
import { BadRequestError, ConflictError, NotFoundError, reportError } from '../core/errors.ts'
import { logFailure } from '../core/failure.ts'
import { invoke, type Input } from '../core/invoke.ts'
import type { Services } from '../core/services.ts'
import type { Part, Unit } from '../core/unit.ts'
import { BODY_LIMIT, parseBody } from '../http/body.ts'
import { decodePart, normalisePath } from '../http/path.ts'
import { errorBody, jsonResponse, respond } from '../http/respond.ts'
import type { Sse } from '../http/sse.ts'
import { createHttp, type Incoming } from '../http/wire.ts'
import { ENDS, type Entry, type Run } from './run.ts'
import type { Runs } from './runs.ts'
import { readError, readValue, writeValue } from './values.ts'
import { approvalType, eventType } from './wire.ts'

/** What anybody who may ask is told of a run. */
export const statusOf = ({ head, output, error, journal }: Run): Record<string, unknown> => ({
  runId: head.id, workflow: head.name, status: head.status,
  createdAt: new Date(head.createdAt), ...(head.finishedAt !== null && { finishedAt: new Date(head.finishedAt) }),
  ...(head.reason !== null && { reason: head.reason }),
  ...(output !== null && { output: readValue(output) }),
  ...(error !== null && { error: publicError(error) }),
  steps: stepsOf(journal),
})

/** As a caller of the function would see it. */
const publicError = (text: string): { code: string; message: string } => {
  const { code, message } = reportError(readError(text))
  return { code, message }
}

/** The last word on each step, or what is known so far. */
const stepsOf = (journal: readonly Entry[]): unknown[] => {
  const last = new Map<string, Entry>()
  for (const entry of journal) if (entry.kind !== 'cancel') last.set(entry.key, entry)
  return [...last.values()].map(({ key, kind, phase, attempt, startedAt, at, error, fingerprint }) => ({
    step: key, kind, status: phase === 'done' ? (error === null ? 'completed' : 'failed') : phase === 'open' ? 'waiting' : 'retrying',
    ...(fingerprint && { target: fingerprint }), ...(attempt > 0 && { attempt }),
    startedAt: new Date(startedAt), ...(phase === 'done' && { endedAt: new Date(at) }),
  }))
}

type Act = (parts: { run: Run; runs: Runs; body: Record<string, unknown>; call: Call }) => Promise<{ status?: number; value: unknown }>

const text = (body: Record<string, unknown>, name: string): string | undefined => {
  const value = body[name]
  if (value === undefined || typeof value === 'string') return value
  throw new BadRequestError(`${name} is a text`)
}

const by = (call: Call): string | null => call.session.value?.userId ?? null

/** The approval that is meant: the one that is named, or the only one that waits. */
const approvalKey = ({ journal }: Run, named: string | undefined): string => {
  if (named !== undefined) return named
  const done = new Set(journal.filter(({ phase }) => phase === 'done').map(({ key }) => key))
  const open = journal.filter(({ kind, phase, key }) => kind === 'approval' && phase === 'open' && !done.has(key))
  if (open.length === 1) return (open[0] as Entry).key
  throw new ConflictError(open.length === 0 ? 'Nothing waits for an approval: name its step' : 'Several approvals wait: name the step')
}

const ACTS: Readonly<Record<string, Act>> = {
  approve: async ({ run, runs, body, call }) => {
    const { approved = true, data } = body
    if (typeof approved !== 'boolean') throw new BadRequestError('approved is true or false')
    const key = approvalKey(run, text(body, 'step'))
    const decision = { approved, reason: text(body, 'reason'), data }
    const answer = await runs.deliver(run.head.id, {
      messageId: approvalType(key), type: approvalType(key), payload: writeValue(decision), by: by(call), key,
    })
    if (answer.is === 'delivered') return { value: { step: key, approved } }
    if (answer.is === 'duplicate') {
      throw new ConflictError('It was decided before', { data: { ...(readValue(answer.first.payload) as object), by: answer.first.by } })
    }
    throw new ConflictError('It is too late: the step is over')
  },
  event: async ({ run, runs, body, call }) => {
    const event = text(body, 'event')
    if (!event) throw new BadRequestError('event is the event\'s name')
    const messageId = `event ${text(body, 'id') ?? crypto.randomUUID()}`
    const answer = await runs.deliver(run.head.id, { messageId, type: eventType(event), payload: writeValue(body['data']), by: by(call) })
    if (answer.is === 'late') throw new ConflictError('The run has ended')
    return { status: 202, value: { event, isDuplicate: answer.is === 'duplicate' } }
  },
  cancel: async ({ run, runs, body }) => {
    const head = await runs.cancel(run.head.id, text(body, 'reason') ?? null)
    return { status: 202, value: { runId: run.head.id, status: head?.status } }
  },
}

const LOOK_MS = 250

/** Looks until the run has ended or the time is over. */
const untilEnd = async (runs: Runs, id: string, signal: AbortSignal, seen: (run: Run) => Promise<void> | void): Promise<Run | undefined> => {
  for (;;) {
    const run = await runs.load(id)
    if (!run) return undefined
    await seen(run)
    if (ENDS.has(run.head.status) || signal.aborted) return run
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS))
  }
}

export const workflowRoutes = (names: readonly string[], sse: Sse): Part => ({
  name: 'workflow',
  start: (unit) => {
    const router = new PatternRouter<{ name: string; what: string }>()
    for (const name of names) {
      for (const what of ['start', 'run']) router.add('POST', `/workflow/${name}/${what}`, { name, what })
      for (const what of ['status', 'stream']) router.add('GET', `/workflow/${name}/${what}/:runId`, { name, what })
      for (const what of Object.keys(ACTS)) router.add('POST', `/workflow/${name}/${what}/:runId`, { name, what })
    }
    return async (request, outer) => {
      const path = normalisePath(new URL(request.url).pathname)
      const found = router.match(request.method, path)[0][0] as [{ name: string; what: string }, Record<string, string>] | undefined
      if (!found) return undefined
      const [{ name, what }, params] = found
      const { http, out } = createHttp(request, path, `/workflow/${name}/${what}`, params, BODY_LIMIT)
      const call: Call = { ...outer, transport: 'http', http }
      try {
        return await answer(unit, name, what, decodePart(params['runId'] ?? ''), call, http, sse, (value) => respond(value, out))
      } catch (error) {
        const report = reportError(error)
        await logFailure(unit, call, error, report)
        if (report.status === 401) out.headers.append('www-authenticate', 'Bearer')
        return jsonResponse(report.status, errorBody(report, call.requestId), out.headers)
      }
    }
  },
})

const bodyOf = async (http: Incoming): Promise<unknown> =>
  (await parseBody(await http.request.bytes(), http.request.header))?.value ?? {}

const answer = async (
  unit: Unit, name: string, what: string, runId: string | undefined, call: Call, http: Incoming, sse: Sse,
  done: (value: unknown) => Response,
): Promise<Response> => {
  const definition = unit.functions.get(name) as Definition
  const services = (await unit.host.services()) as Services
  const runs = services['workflowState'] as Runs
  if (what === 'start' || what === 'run') {
    const begun = (await invoke(unit, definition, call, async (): Promise<Input> => ({ data: await bodyOf(http) }))) as { runId: string }
    if (what === 'start') return done(begun)
    const run = await untilEnd(runs, begun.runId, call.signal, () => undefined)
    if (run && run.error !== null) throw readError(run.error)
    http.response.status(200)
    return done(run && readValue(run.output))
  }
  /** As the workflow itself would be called with the run's input, but for what is done then. */
  const asIts = (run: Run, act: Runner): Promise<unknown> =>
    invoke(unit, { ...definition, input: undefined, coerce: undefined, run: act }, call, async () => ({ data: readValue(run.input) }))
  const run = runId === undefined ? undefined : await runs.load(runId)
  // whether there is such a run is told to nobody who may not see it
  if (run?.head.name !== name) {
    if (definition.auth) await asIts({ input: writeValue({}) } as Run, () => undefined)
    throw new NotFoundError('There is no such run')
  }
  if (what === 'status') return done(await asIts(run, () => statusOf(run)))
  if (what === 'stream') {
    await asIts(run, () => undefined)
    const events = sse(call.requestId)
    let last = ''
    call.waitUntil(untilEnd(runs, run.head.id, AbortSignal.any([events.signal, call.signal]), async (seen) => {
      const said = JSON.stringify(statusOf(seen))
      if (said !== last) await events.channel.send(JSON.parse(said))
      last = said
    }).then(() => events.end(undefined), (error: unknown) => events.fail({ ...errorBody(reportError(error), call.requestId) })))
    return events.open(new Headers())
  }
  const body = await bodyOf(http)
  if (typeof body !== 'object' || body === null || Array.isArray(body)) throw new BadRequestError('The body is an object')
  const { status, value } = (await asIts(run, () => (ACTS[what] as Act)({ run, runs, body: body as Record<string, unknown>, call }))) as Awaited<ReturnType<Act>>
  if (status !== undefined) http.response.status(status)
  return done(value)
}
