/** For gateways: calls a function in this process where it is here, else through the binding to its unit. */
import type { Call } from './call.ts'
import { runErrand, type Errand, type Use } from './errand.ts'
import { InternalServerError, NotFoundError, rebuildError } from './errors.ts'
import { unpack } from './json.ts'
import type { Answer } from './remote.ts'
import { MAX_DEPTH } from './rpc.ts'
import type { Unit } from './unit.ts'

const unused: Use = () => undefined

/** Lines of text as they come. What stops listening lets the other side know. */
async function* linesOf(response: Response, signal: AbortSignal): AsyncGenerator<string> {
  const reader = response.body?.getReader()
  if (!reader) return
  const leave = (): void => void reader.cancel(signal.reason).catch(() => undefined)
  if (signal.aborted) leave()
  signal.addEventListener('abort', leave)
  const decoder = new TextDecoder()
  let rest = ''
  try {
    for (let read = await reader.read(); !read.done; read = await reader.read()) {
      const lines = (rest + decoder.decode(read.value, { stream: true })).split('\n')
      rest = lines.pop() ?? ''
      yield* lines
    }
    if (rest) yield rest
  } finally {
    signal.removeEventListener('abort', leave)
    await reader.cancel()
  }
}

/** What the function did with the wire, in its order, then its answer. A session that it changed is the call's. */
const follow = async (response: Response, functionId: string, use: Use, call: Call): Promise<unknown> => {
  for await (const line of linesOf(response, call.signal)) {
    if (!line) continue
    const said = unpack(line) as Answer | [string, unknown[]]
    if (Array.isArray(said)) {
      await use(...said)
      continue
    }
    if (said.error) {
      if (said.error.unknown) throw new Error(`${functionId} failed in its unit (status ${said.error.status})`)
      throw rebuildError(said.error)
    }
    if (said.session !== undefined) call.session.value = said.session ?? undefined
    return said.data
  }
  call.signal.throwIfAborted()
  throw new Error(`The call of ${functionId} broke off (status ${response.status})`)
}

export const dispatch = async (
  unit: Unit, functionId: string, data: unknown, errand: Errand, call: Call, use: Use = unused,
): Promise<unknown> => {
  if (call.depth >= MAX_DEPTH) {
    throw new InternalServerError(`${functionId} was not called: ${MAX_DEPTH} calls lie inside each other already`)
  }
  const home = unit.functions.has(functionId) ? unit : await unit.host.find?.(functionId)
  if (home) return runErrand(home, functionId, data, errand, use, { ...call, depth: call.depth + 1 })
  const { remote } = unit.options
  const target = remote && Object.hasOwn(remote.functions, functionId) ? remote.functions[functionId] : undefined
  if (!remote || !target) throw new NotFoundError(`${unit.name} reaches no function ${functionId}`)
  // a client that goes right after it has asked has asked: what was begun is told of it, and not kept from beginning
  const { signal } = new AbortController()
  const { fields } = call
  // what log lines say of the call they say there, too
  const told: Errand = fields ? { ...errand, known: { fields, ...errand.known } } : errand
  const sent = await remote.send(unit, target, functionId, { data, errand: told }, { ...call, signal }, false)
  return follow(sent, functionId, use, call)
}
