/**
 * Runs over HTTP for those who look after them, whatever their workflow: listed, looked at, decided on, ended, resumed,
 * forked. Knows runs and requests; who may ask is decided before (`auth.ts`).
 */
import { BadRequestError, ConflictError, MethodNotAllowedError, NotFoundError, PayloadTooLargeError, reportError } from '../core/errors.ts'
import { parseJson } from '../core/json.ts'
import { errorBody, jsonResponse } from '../http/respond.ts'
import type { Edge } from '../workflow/graph.ts'
import { ENDS, type Run, type Status } from '../workflow/run.ts'
import type { Runs } from '../workflow/runs.ts'
import { decide, send, text, type Data } from '../workflow/sent.ts'
import type { Filter } from '../workflow/store.ts'
import { follow } from './follow.ts'
import { summaryOf, viewOf } from './view.ts'

/** A workflow that is a graph: node → its function, and what leads where. */
export interface GraphView {
  readonly nodes: Readonly<Record<string, string>>
  readonly edges: readonly Edge[]
}

export interface Managed {
  readonly runs: Runs
  /** The workflows there are, each with the digest of its outline. */
  readonly workflows: ReadonlyMap<string, string>
  graphOf(workflow: string): Promise<GraphView | undefined>
  /** Aborts when whoever follows a run is to ask again, elsewhere. */
  readonly signal: AbortSignal
}

export const RUNS_PATH = '/__unitgraph/runs'
export const WORKFLOWS_PATH = '/__unitgraph/workflows'

const STATUSES: ReadonlySet<string> = new Set<Status>(['ready', 'running', 'waiting', 'paused', 'completed', 'failed', 'cancelled'])
const MOST_LISTED = 200
const LISTED = 50
const MOST_BYTES = 1024 * 1024
const LONGEST_TEXT = 200

const count = (value: string | null, fallback: number, most: number): number => {
  if (value === null) return fallback
  const number = Number(value)
  if (!Number.isInteger(number) || number < 1 || number > most) throw new BadRequestError(`limit is a whole number from 1 to ${most}`)
  return number
}

const time = (value: string): number => {
  const at = /^\d+$/.test(value) ? Number(value) : Date.parse(value)
  if (!Number.isFinite(at)) throw new BadRequestError('since is a time: ISO 8601, or milliseconds since 1970')
  return at
}

/** A place in the list, as `before` has it: the last one's time and id. */
const placeOf = (value: string): NonNullable<Filter['before']> => {
  const [, at, id] = /^(\d+) (.+)$/s.exec(value) ?? []
  if (at === undefined || id === undefined) throw new BadRequestError('before is what an earlier answer gave as next')
  return { createdAt: Number(at), id }
}

const filterOf = (query: URLSearchParams): Filter => {
  const [status, since, before, text, name] = ['status', 'since', 'before', 'text', 'name'].map((one) => query.get(one) || null) as (string | null)[]
  if (status && !STATUSES.has(status)) throw new BadRequestError(`status is one of ${[...STATUSES].join(', ')}`)
  if (text && text.length > LONGEST_TEXT) throw new BadRequestError(`text has at most ${LONGEST_TEXT} characters`)
  return {
    limit: count(query.get('limit'), LISTED, MOST_LISTED), ...(name && { name }), ...(status && { status: status as Status }),
    ...(since && { since: time(since) }), ...(text && { text }), ...(before && { before: placeOf(before) }),
  }
}

const list = async ({ runs }: Managed, query: URLSearchParams): Promise<unknown> => {
  const filter = filterOf(query)
  // one more tells whether there are more
  const heads = await runs.list({ ...filter, limit: filter.limit + 1 })
  const listed = heads.slice(0, filter.limit)
  const last = listed.at(-1)
  return { runs: listed.map(summaryOf), next: last && heads.length > listed.length ? `${last.createdAt} ${last.id}` : null, now: new Date() }
}

/** The entries that a fork keeps: all before a step's first, or as many as are said. */
const keptBy = ({ head, journal }: Run, data: Data): number => {
  const step = text(data, 'step')
  const { after } = data
  if (step !== undefined) {
    const first = journal.find(({ key }) => key === step)
    if (!first) throw new NotFoundError(`The run has no step ${JSON.stringify(step)}`)
    return first.seq - 1
  }
  if (after === undefined) return 0
  if (!Number.isInteger(after) || (after as number) < 0) throw new BadRequestError('after is a number of entries')
  return Math.min(after as number, head.seq)
}

type Act = (managed: Managed, run: Run, data: Data, by: string) => Promise<unknown>

const ACTS: Readonly<Record<string, Act>> = {
  approve: ({ runs }, run, data, by) => decide(runs, run, data, by),
  event: ({ runs }, run, data, by) => send(runs, run, data, by),
  cancel: async ({ runs }, { head }, data) => {
    if (ENDS.has(head.status)) throw new ConflictError(`The run has ended: it is ${head.status}`)
    const now = await runs.cancel(head.id, text(data, 'reason') ?? null)
    return { id: head.id, status: now?.status }
  },
  resume: async ({ runs }, { head }) => {
    if (head.status !== 'paused') throw new ConflictError(`Only a run that is paused is resumed; it is ${head.status}`)
    const now = await runs.resume(head.id)
    return { id: head.id, status: now?.status }
  },
  fork: async ({ runs, workflows }, run, data) => {
    const { id, name } = run.head
    if (!workflows.has(name)) throw new ConflictError(`The workflow ${name} is not here any more`)
    const as = text(data, 'as') ?? `${id}.fork-${crypto.randomUUID().slice(0, 8)}`
    if (as === '' || as.length > LONGEST_TEXT) throw new BadRequestError(`as is an id of at most ${LONGEST_TEXT} characters`)
    const head = await runs.fork(id, as, keptBy(run, data))
    if (!head) throw new ConflictError(`There is a run ${as} already`)
    return { id: as, status: head.status }
  },
}

const bodyOf = async (request: Request): Promise<Data> => {
  if (Number(request.headers.get('content-length') ?? 0) > MOST_BYTES) throw new PayloadTooLargeError()
  const body = await request.text()
  if (body.length > MOST_BYTES) throw new PayloadTooLargeError()
  const data = body === '' ? {} : parseJson(body)
  if (typeof data !== 'object' || data === null || Array.isArray(data)) throw new BadRequestError('The body is an object')
  return data as Data
}

const partsOf = (path: string): string[] => {
  try {
    return path.split('/').slice(1).map(decodeURIComponent)
  } catch {
    throw new NotFoundError('There is no such run')
  }
}

const mustBe = (request: Request, method: string): void => {
  if (request.method !== method && !(method === 'GET' && request.method === 'HEAD')) throw new MethodNotAllowedError(`This answers ${method} only`)
}

const found = async ({ runs }: Managed, id: string): Promise<Run> => {
  const run = await runs.load(id)
  if (!run) throw new NotFoundError('There is no such run')
  return run
}

const answer = async (managed: Managed, request: Request, url: URL, by: string): Promise<Response> => {
  if (url.pathname === WORKFLOWS_PATH) {
    mustBe(request, 'GET')
    return jsonResponse(200, { workflows: [...managed.workflows].sort().map(([name, version]) => ({ name, version })) })
  }
  if (url.pathname.startsWith(`${WORKFLOWS_PATH}/`)) {
    mustBe(request, 'GET')
    const [name = ''] = partsOf(url.pathname.slice(WORKFLOWS_PATH.length))
    const version = managed.workflows.get(name)
    if (version === undefined) throw new NotFoundError('There is no such workflow')
    return jsonResponse(200, { name, version, graph: (await managed.graphOf(name)) ?? null })
  }
  const [id, what, ...more] = partsOf(url.pathname.slice(RUNS_PATH.length))
  if (id === undefined) {
    mustBe(request, 'GET')
    return jsonResponse(200, await list(managed, url.searchParams))
  }
  const act = what !== undefined && Object.hasOwn(ACTS, what) ? ACTS[what] : undefined
  if (more.length > 0 || (what !== undefined && !act && what !== 'journal' && what !== 'events')) throw new NotFoundError('Nothing answers there')
  mustBe(request, act ? 'POST' : 'GET')
  if (act) {
    const data = await bodyOf(request)
    return jsonResponse(200, await act(managed, await found(managed, id), data, by))
  }
  const run = await found(managed, id)
  if (what === 'events') return follow(managed, run)
  return jsonResponse(200, what === 'journal' ? run : await viewOf(run))
}

/** A request below `/__unitgraph/runs` or `/__unitgraph/workflows`; `by` is who it is, as runs are told. */
export const answerRuns = async (managed: Managed, request: Request, by: string, requestId: string): Promise<Response> => {
  const respond = async (): Promise<Response> => {
    try {
      return await answer(managed, request, new URL(request.url), by)
    } catch (error) {
      const report = reportError(error)
      if (report.unknown) throw error
      return jsonResponse(report.status, errorBody(report, requestId))
    }
  }
  const response = await respond()
  response.headers.set('cache-control', 'no-store')
  response.headers.set('x-content-type-options', 'nosniff')
  return response
}
