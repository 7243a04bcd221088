/**
 * Sources of events: each is started with the process, calls its trigger's function for what happens, and is ended with
 * the process. One that fails is started anew after a while, which grows from try to try.
 */
import type { Call } from '../core/call.ts'
import { durationMs } from '../core/duration.ts'
import { readText, type Environment } from '../core/environment.ts'
import { InternalServerError } from '../core/errors.ts'
import { invoke } from '../core/invoke.ts'
import { Session } from '../core/session.ts'
import { readTrace } from '../core/trace.ts'
import type { TriggerWire } from '../types/wire.ts'
import type { Background, Context } from './background.ts'

export interface TriggerEntry {
  readonly name: string
  /** Functions: what listens, and what is called for what it hears. */
  readonly source: string
  readonly target: string
  readonly tags: readonly string[]
  /** What the source is given. */
  readonly input?: unknown
}

export interface TriggerOptions {
  /** Before the first try after a failure; each further one waits twice as long. */
  readonly againMs?: number
  readonly longestMs?: number
  /** A source that ran for this long begins anew with the shortest wait. */
  readonly soundMs?: number
}

type State = 'starting' | 'running' | 'failed' | 'ended'

interface Running {
  state: State
  /** Ends what runs, and what waits to run. */
  readonly ending: AbortController
  /** Resolves when the source has been ended, and has closed what it opened. */
  done: Promise<void>
}

const asError = (thrown: unknown): Error =>
  thrown instanceof Error ? thrown : new Error(`Something was thrown that is no error: ${String(thrown)}`)

const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) return resolve()
    const timer = setTimeout(resolve, ms)
    signal.addEventListener('abort', () => { clearTimeout(timer); resolve() }, { once: true })
  })

/** A call that nobody sent: the trigger's own. */
const openCall = ({ signal, run, logger }: Context, name: string, more: Pick<Call, 'trigger'> = {}): Call => ({
  ...readTrace(new Headers()), transport: 'trigger', session: new Session(), depth: 0, signal, fields: { trigger: name }, ...more,
  waitUntil: (work) => void run(work).catch((error: unknown) => logger.error(error, { trigger: name })),
})

const definitionOf = async (context: Context, functionId: string) => {
  const unit = await context.units.withFunction(functionId)
  const definition = unit?.functions.get(functionId)
  if (!unit || !definition) throw new InternalServerError(`There is no function ${functionId} in this process`)
  return { unit, definition }
}

/** Calls the trigger's function; the process doesn't end before it has. */
const fire = async (context: Context, { name, target, tags }: TriggerEntry, data: unknown): Promise<void> => {
  const started = performance.now()
  const call = openCall(context, name)
  const line = () => ({ trigger: name, requestId: call.requestId, ms: Math.round((performance.now() - started) * 10) / 10 })
  try {
    const { unit, definition } = await definitionOf(context, target)
    await invoke(unit, definition, call, async () => ({ data }), { tags })
    context.logger.info('trigger done', line())
  } catch (thrown) {
    context.logger.error(asError(thrown), { ...line(), code: 'trigger-failed' })
    throw thrown
  }
}

/** Runs a source until it fails, which rejects, or is ended; then what it left open is closed. */
const listen = async (context: Context, entry: TriggerEntry, running: Running): Promise<void> => {
  const { unit, definition } = await definitionOf(context, entry.source)
  const failed = Promise.withResolvers<never>()
  failed.promise.catch(() => undefined)
  const over = new AbortController()
  const signal = AbortSignal.any([running.ending.signal, over.signal])
  const trigger: TriggerWire = {
    // who doesn't look at what becomes of it has it in the log
    invoke: (data) => {
      const work = signal.aborted
        ? Promise.reject(new InternalServerError(`The source of ${entry.name} has ended`))
        : context.run(fire(context, entry, data))
      work.catch(() => undefined)
      return work
    },
    fail: (error) => failed.reject(asError(error)),
  }
  const call: Call = { ...openCall(context, entry.name, { trigger }), signal }
  // it is called by what starts it alone, so it needs no session, and is called like any function
  const source = { ...definition, kind: 'sessionless', auth: false, run: undefined } as const
  const teardown = await invoke(unit, source, call, async () => ({ data: entry.input }))
  running.state = 'running'
  context.logger.info('trigger source started', { trigger: entry.name, unit: unit.name })
  const ended = new Promise<void>((resolve) => {
    if (running.ending.signal.aborted) resolve()
    running.ending.signal.addEventListener('abort', () => resolve(), { once: true })
  })
  try {
    await Promise.race([ended, failed.promise])
  } finally {
    over.abort(new DOMException('The source is ended', 'AbortError'))
    if (typeof teardown === 'function') {
      await Promise.resolve().then(() => teardown() as unknown).catch((error: unknown) => {
        context.logger.error(asError(error), { trigger: entry.name, code: 'trigger-source-not-closed' })
      })
    }
  }
}

/** One source for as long as the process runs. */
const keep = async (context: Context, entry: TriggerEntry, running: Running, options: Required<TriggerOptions>): Promise<void> => {
  const { signal } = running.ending
  let waitMs = options.againMs
  while (!signal.aborted) {
    const startedMs = performance.now()
    running.state = 'starting'
    try {
      await listen(context, entry, running)
    } catch (error) {
      running.state = 'failed'
      if (performance.now() - startedMs >= options.soundMs) waitMs = options.againMs
      context.logger.error(asError(error), { trigger: entry.name, code: 'trigger-source-failed', againMs: waitMs })
      await pause(waitMs, signal)
      waitMs = Math.min(waitMs * 2, options.longestMs)
    }
  }
  running.state = 'ended'
}

export const triggers = (entries: readonly TriggerEntry[], options: TriggerOptions = {}): Background => {
  const { againMs = 1000, longestMs = durationMs('5m'), soundMs = durationMs('1m') } = options
  const kept = new Map<string, Running>()
  let isOff = false
  let here: Context | undefined
  return {
    open: (env: Environment) => {
      const given = readText(env, 'UNITGRAPH_TRIGGERS') ?? 'on'
      if (given !== 'on' && given !== 'off') throw new Error('UNITGRAPH_TRIGGERS is neither on nor off')
      isOff = given === 'off'
    },
    start: (context) => {
      for (const entry of isOff ? [] : entries) {
        const running: Running = { state: 'starting', ending: new AbortController(), done: Promise.resolve() }
        kept.set(entry.name, running)
        running.done = keep(context, entry, running, { againMs, longestMs, soundMs })
      }
      here = context
    },
    stop: () => {
      for (const { ending, done } of kept.values()) {
        ending.abort(new DOMException('The process ends', 'AbortError'))
        // the process waits for what a source closes, as long as it waits for anything
        void here?.run(done)
      }
    },
    close: () => undefined,
    health: () => ({ triggers: Object.fromEntries([...kept].map(([name, { state }]) => [name, state])) }),
  }
}
