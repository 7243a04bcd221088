/** What a workflow's Worker answers besides to those who look after its runs, where it has a token for them. */
import { answerRuns, RUNS_PATH, WORKFLOWS_PATH, type Managed } from '../../dashboard/api.ts'
import { checkToken, createAuth, TOKEN, type Auth } from '../../dashboard/auth.ts'
import { graphOf } from '../../dashboard/graph.ts'
import { openCall } from '../../core/answer.ts'
import { readText } from '../../core/environment.ts'
import { BadRequestError, MethodNotAllowedError, reportError } from '../../core/errors.ts'
import { parseJson } from '../../core/json.ts'
import type { Worker } from '../../entry/cloudflare.ts'
import { errorBody, jsonResponse } from '../../http/respond.ts'
import { started } from './object.ts'
import type { RunsInObjects } from './service.ts'

/** How runs are told who decided. */
const BY = 'dashboard'
/** Asks objects of the runs, by their ids as Cloudflare lists them, to tell their list again. */
const OBJECTS_PATH = '/__unitgraph/objects'

const isOurs = (path: string): boolean =>
  path === OBJECTS_PATH || [RUNS_PATH, WORKFLOWS_PATH].some((top) => path === top || path.startsWith(`${top}/`))

let auth: Auth | undefined

/** The Worker, with what is asked below `/__unitgraph/runs` and `/__unitgraph/workflows`. */
export const managed = (worker: Worker): Worker => ({
  ...worker,
  fetch: async (request, env, context) => {
    const token = readText(env, TOKEN)
    const path = new URL(request.url).pathname
    if (!token || !isOurs(path)) return worker.fetch(request, env, context)
    const ip = request.headers.get('cf-connecting-ip') ?? undefined
    const { requestId } = openCall(request, { signal: request.signal, waitUntil: (work) => context.waitUntil(work), ip })
    try {
      auth ??= createAuth(checkToken(token), 'unitgraph')
      await auth.check(request, ip)
      return await answer(request, path, requestId, await started(env, context))
    } catch (error) {
      const report = reportError(error)
      if (report.unknown) console.error(error)
      return jsonResponse(report.status, errorBody(report, requestId), { 'cache-control': 'no-store' })
    }
  },
})

/** As many objects as one request may ask. */
const MOST_OBJECTS = 500

const idsOf = async (request: Request): Promise<readonly string[]> => {
  if (request.method !== 'POST') throw new MethodNotAllowedError('This answers POST only')
  const body = parseJson(await request.text()) as { ids?: unknown } | null
  const ids = body?.ids
  if (Array.isArray(ids) && ids.length <= MOST_OBJECTS && ids.every((id) => typeof id === 'string')) return ids
  throw new BadRequestError(`ids is a list of at most ${MOST_OBJECTS} ids`)
}

const answer = async (
  request: Request, path: string, requestId: string, { unit }: Awaited<ReturnType<typeof started>>,
): Promise<Response> => {
  const runs = (await unit.host.services())['workflowState'] as RunsInObjects
  if (path === OBJECTS_PATH) {
    return jsonResponse(200, { told: await runs.retell(await idsOf(request)) })
  }
  const asked: Managed = {
    runs, workflows: new Map(Object.entries(runs.versions)), graphOf: async (name) => graphOf(unit, name),
    signal: new AbortController().signal,
  }
  return answerRuns(asked, request, BY, requestId)
}
