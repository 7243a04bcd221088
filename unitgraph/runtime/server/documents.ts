/** JSON texts that a process answers with itself, where no route of a unit does: loaded when they are first asked for. */
import { MethodNotAllowedError, reportError } from '../core/errors.ts'
import { errorBody, jsonResponse } from '../http/respond.ts'

export type Documents = Readonly<Record<string, () => Promise<{ readonly default: string }>>>

/** Anybody may read them, from any page. */
const HEADERS = { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-cache', 'access-control-allow-origin': '*' }

export const answerDocument = async (
  documents: Documents, request: Request, path: string, requestId: string,
): Promise<Response | undefined> => {
  const load = Object.hasOwn(documents, path) ? documents[path] : undefined
  if (!load) return undefined
  const { method } = request
  if (method === 'GET' || method === 'HEAD') {
    const { default: text } = await load()
    return new Response(method === 'HEAD' ? null : text, { headers: HEADERS })
  }
  const allow = 'GET, HEAD, OPTIONS'
  if (method === 'OPTIONS') return new Response(null, { status: 204, headers: { allow } })
  const report = reportError(new MethodNotAllowedError(`${path} answers ${allow} only`))
  return jsonResponse(405, errorBody(report, requestId), { allow })
}
