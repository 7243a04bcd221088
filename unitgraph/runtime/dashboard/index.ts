/** What a deployment answers to those who look after its runs, below `/__unitgraph/`. Knows no store and no server. */
import { reportError } from '../core/errors.ts'
import { errorBody, jsonResponse } from '../http/respond.ts'
import { answerRuns, RUNS_PATH, WORKFLOWS_PATH, type Managed } from './api.ts'
import { checkToken, createAuth } from './auth.ts'
import { answerPage } from './page.ts'

export { TOKEN } from './auth.ts'

/** How runs are told who decided. */
const BY = 'dashboard'
const SESSION_PATH = '/__unitgraph/dashboard/session'

export interface Asker {
  readonly ip?: string | undefined
  readonly requestId: string
}

/** Undefined where the request is for somebody else. */
export type Dashboard = (request: Request, path: string, asker: Asker) => Promise<Response | undefined>

const isBelow = (path: string, top: string): boolean => path === top || path.startsWith(`${top}/`)

/** Throws for a token that is too short. `project` tells cookies of several on one host apart. */
export const createDashboard = (token: string, project: string, managed: Managed): Dashboard => {
  const auth = createAuth(checkToken(token), `unitgraph-${project.replace(/[^\w-]/g, '-')}`)
  /** What the page asks first, which is no failure for whoever has yet to sign in. */
  const answerSession = async (request: Request, ip: string | undefined): Promise<Response> => {
    if (request.method !== 'GET') return auth.session(request, ip)
    const by = await auth.check(request, ip).catch((error: unknown) => {
      if (reportError(error).status === 401) return null
      throw error
    })
    return jsonResponse(200, { project, by }, { 'cache-control': 'no-store' })
  }
  return async (request, path, { ip, requestId }) => {
    try {
      if (path === SESSION_PATH) return await answerSession(request, ip)
      const page = await answerPage(request, path)
      if (page) return page
      if (!isBelow(path, RUNS_PATH) && !isBelow(path, WORKFLOWS_PATH)) return undefined
      await auth.check(request, ip)
    } catch (error) {
      const report = reportError(error)
      if (report.unknown) throw error
      return jsonResponse(report.status, errorBody(report, requestId), { 'cache-control': 'no-store' })
    }
    return answerRuns(managed, request, BY, requestId)
  }
}
