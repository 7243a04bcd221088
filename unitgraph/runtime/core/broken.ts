/** The answer of a unit that could not be built: why is for the log. */
import { errorResponse } from '../http/respond.ts'
import type { Call } from './call.ts'
import { createLogger } from './logger.ts'
import { reportError } from './errors.ts'

export const answerBroken = (error: unknown, call: Call): Response => {
  createLogger().error(error instanceof Error ? error : String(error), {
    requestId: call.requestId, code: 'not-started', problems: (error as { problems?: readonly string[] }).problems,
  })
  return errorResponse(reportError(undefined), call.requestId, { 'x-request-id': call.requestId })
}
