/** What the log says of a call that failed. */
import type { Logger } from '../types/services.ts'
import type { ErrorReport } from './errors.ts'
import { createLogger } from './logger.ts'
import type { Trace } from './trace.ts'
import type { Unit } from './unit.ts'

/** The project's logger, or one of ours where services are what failed. */
export const loggerOf = async (unit: Unit): Promise<Logger> => {
  try {
    return (await unit.host.services())['logger'] as Logger
  } catch {
    return createLogger()
  }
}

/** The caller's mistakes are no errors of ours: those are lines for who debugs. */
export const logFailure = async (unit: Unit, trace: Trace, error: unknown, report: ErrorReport): Promise<void> => {
  const logger = await loggerOf(unit)
  const { requestId, traceId } = trace
  const fields = { requestId, traceId, unit: unit.name, status: report.status, code: report.code }
  const thrown = error instanceof Error ? error : new Error(`Something was thrown that is no error: ${String(error)}`)
  if (report.status < 500) logger.debug(thrown.message, fields)
  else logger.error(thrown, fields)
}
