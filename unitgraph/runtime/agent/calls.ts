/** `rpc.agent`, for units that ask agents: by the agent's name, or by a run's id, which says whose it is. */
import type { Call } from '../core/call.ts'
import { dispatch } from '../core/dispatch.ts'
import { NotFoundError } from '../core/errors.ts'
import { NO_TRANSPORT } from '../core/rpc.ts'
import type { Unit } from '../core/unit.ts'
import type { AgentRpc } from '../types/wire.ts'

type Invoke = (functionId: string, data: unknown) => Promise<unknown>

/** Events as they come and the output as the last; who stops listening ends the run's work. */
async function* listen(unit: Unit, call: Call, functionId: string, input: unknown): AsyncGenerator<unknown> {
  const gone = new AbortController()
  const events: unknown[] = []
  let more = Promise.withResolvers<void>()
  let end: { value: unknown } | { error: unknown } | undefined
  const wake = (): void => {
    more.resolve()
    more = Promise.withResolvers()
  }
  const errand = { transport: 'agent', wiring: 'agent', wire: { name: 'agent', state: null } } as const
  const inner = { ...call, ...NO_TRANSPORT, signal: AbortSignal.any([call.signal, gone.signal]) }
  dispatch(unit, functionId, input, errand, inner, (_method, [event]) => {
    events.push(event)
    wake()
  }).then((value) => {
    end = { value }
  }, (error: unknown) => {
    end = { error }
  }).finally(wake)
  try {
    for (;;) {
      const woken = more.promise
      while (events.length > 0) yield events.shift()
      if (end && 'error' in end) throw end.error
      if (end) return void (yield end.value)
      await woken
    }
  } finally {
    gone.abort(new DOMException('Nobody listens any longer', 'AbortError'))
  }
}

/** `names`: agent → its function. */
export const agents = (names: Readonly<Record<string, string>>) =>
  (unit: Unit, call: Call, invoke: Invoke): AgentRpc => {
    const functionOf = (name: string): string => {
      const found = Object.hasOwn(names, name) ? names[name] : undefined
      if (found === undefined) throw new NotFoundError(`${unit.name} asks no agent of this name`)
      return found
    }
    const ofRun = (runId: string): string => {
      const found = String(runId).split('~')[0] ?? ''
      if (!Object.values(names).includes(found)) throw new NotFoundError('There is no such run')
      return found
    }
    return {
      run: async (name: string, input: unknown) => (await invoke(functionOf(name), input)) as never,
      stream: async (name: string, input: unknown) => listen(unit, call, functionOf(name), input) as never,
      resume: async (runId, input) => (await invoke(`${ofRun(runId)}.resume`, { ...(input as object | undefined), runId })) as never,
      approve: async (runId, decisions) => (await invoke(`${ofRun(runId)}.approve`, { runId, decisions })) as never,
    }
  }
