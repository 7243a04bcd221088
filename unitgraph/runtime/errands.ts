/** For units whose functions are reached through gateways: what they lend and under which options. */
import type { Call } from './core/call.ts'
import { runErrand, type ErrandOptions, type Errand, type Errands, type Use } from './core/errand.ts'
import { reportError } from './core/errors.ts'
import { logFailure } from './core/failure.ts'
import { pack } from './core/json.ts'
import type { Answer } from './core/remote.ts'
import { toBytes } from './core/text.ts'
import type { Unit } from './core/unit.ts'

const BEAT_MS = 5000

/**
 * A line for each use of the wire when it happens, and the answer as the last one. The status says nothing: it is sent
 * before the function has ended.
 */
const answer = (unit: Unit, functionId: string, data: unknown, errand: Errand, call: Call): Response => {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>()
  const writer = writable.getWriter()
  const write = (line: Answer | readonly [string, readonly unknown[]]): Promise<void> =>
    writer.write(toBytes(`${pack(line)}\n`))
  // a platform finds out that nobody listens any more by what it can't send
  const beat = setInterval(() => void writer.write(toBytes('\n')).catch(() => undefined), BEAT_MS)
  const gone = new AbortController()
  writer.closed.catch((reason: unknown) => gone.abort(reason))
  const inner: Call = { ...call, signal: AbortSignal.any([call.signal, gone.signal]) }
  const use: Use = (method, args) => write([method, args])
  const run = async (): Promise<Answer> => {
    const before = call.session.value
    try {
      const result = await runErrand(unit, functionId, data, errand, use, inner)
      const after = call.session.value
      return { data: result, ...(after !== before && { session: after ?? null }) }
    } catch (error) {
      // what was to be sent to a client that has gone
      if (gone.signal.aborted && error === gone.signal.reason) return {}
      const report = reportError(error)
      await logFailure(unit, call, error, report)
      return { error: report }
    }
  }
  // a gateway that has gone can't be told anything
  call.waitUntil(run().finally(() => clearInterval(beat)).then(write).then(() => writer.close()).catch(() => undefined))
  return new Response(readable, { headers: { 'content-type': 'application/x-ndjson' } })
}

export const errands = (options: ErrandOptions): Errands => ({ ...options, answer })
