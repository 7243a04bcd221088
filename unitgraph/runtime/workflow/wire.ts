/// <reference path="./modules.d.ts" />
/**
 * What a workflow's code has of its run: steps by name. Each is asked for by key; what isn't recorded is done here, and
 * recorded before the code hears of it.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import { reportError } from '../core/errors.ts'
import { digest, toBytes } from '../core/text.ts'
import { within } from '../core/within.ts'
import type { Approval, StepOptions, WorkflowWire } from '../types/workflow.ts'
import { NoTransactionError, RunCancelledError, StepInterruptedError, WaitTimeoutError } from './errors.ts'
import { transactApart } from './apart.ts'
import type { Steps } from './steps.ts'
import type { Ended } from './graph.ts'
import type { Hidden, Path } from './hidden.ts'
import { createKeys, plain, scopeOf } from './keys.ts'
import { milliseconds, retryInMs, retryOf, type Retry } from './retry.ts'
import type { Entry, Message, NewEntry, StepKind } from './run.ts'
import type { Append, Database, Transacted, Transaction } from './store.ts'
import { stepDigest } from './trace.ts'
import { readError, readValue, writeError, writeValue } from './values.ts'

/** What a step may know of itself. */
export interface StepCall {
  readonly runId: string
  readonly stepName: string
  readonly attempt: number
  readonly idempotencyKey: string
}

/** What steps reach besides the journal. */
export interface Reach {
  /** Secret fields of functions, by name. */
  readonly hidden?: Readonly<Record<string, Hidden>>
  /** Calls a function by name, as whoever started the run. */
  call(functionId: string, data: unknown, step: StepCall, signal: AbortSignal): Promise<unknown>
  /** As `call`, and which branch the function picks. */
  node(functionId: string, data: unknown, step: StepCall, signal: AbortSignal): Promise<Ended>
  isWorkflow(functionId: string): boolean
  /** Starts a run that tells this one of its end. */
  startChild(name: string, data: unknown, id: string, parent: { readonly id: string; readonly key: string }): Promise<void>
}

/** An approval's message. */
export interface Decision {
  readonly approved: boolean
  readonly reason?: string | undefined
  readonly data?: unknown
}

export const approvalType = (key: string): string => `approval ${key}`
export const eventType = (event: string): string => `event ${event}`

interface Settled {
  readonly retry: Retry
  readonly timeoutMs: number | undefined
  readonly once: boolean
  /** That it has begun is written before it does. */
  readonly isMarked: boolean
}

/** A step that does something. */
interface Deed {
  readonly name: string
  readonly kind: StepKind
  readonly fingerprint: string
  readonly input: string | null
  readonly options: StepOptions
  /** The secret fields of what it gives. */
  readonly hidden?: readonly Path[] | undefined
  /** What it does, and its record, are one transaction there. */
  readonly database?: Database | undefined
  body(step: StepCall, signal: AbortSignal, transaction?: Transaction): Promise<unknown>
}

const limit = (timeout: unknown): number | undefined => (timeout === undefined ? undefined : milliseconds(timeout, 'timeout'))

const settle = (options: StepOptions): Settled =>
  ({
    retry: retryOf(options), timeoutMs: limit(options.timeout), once: options.once === true,
    isMarked: options.once === true || options.compensate !== undefined,
  })

export interface Durable {
  readonly wire: WorkflowWire
  /** A step of a graph: calls a function by name. */
  node(name: string, functionId: string, data: unknown, options: StepOptions): Promise<Ended>
}

export const createWorkflowWire = (steps: Steps, reach: Reach): Durable => {
  const { run, world } = steps
  const runId = run.head.id
  const keys = createKeys()
  const scopes = new AsyncLocalStorage<string>()
  const patches = new Map<string, Promise<boolean>>()

  const entryOf = (key: string, kind: StepKind, fingerprint: string, more: Partial<NewEntry>): NewEntry => ({
    key, kind, phase: 'done', fingerprint, attempt: 0, input: null, value: null, error: null, startedAt: world.now(), ...more,
  })

  const ask = async (
    name: string, kind: StepKind, fingerprint: string, begin: (key: string) => void, known?: (key: string) => void,
  ): Promise<unknown> => {
    const key = keys.take(scopes.getStore() ?? '', name)
    known?.(key)
    try {
      return await steps.ask({ key, kind, fingerprint, begin: () => begin(key) })
    } finally {
      keys.free(key)
    }
  }

  // Steps that do something.

  const attempts = async (key: string, { name, kind, fingerprint, input, body, hidden, database }: Deed, options: Settled): Promise<void> => {
    const { retry, timeoutMs } = options
    const over = kind === 'undo' ? steps.lost : steps.signal
    const idempotencyKey = await stepDigest(runId, key)
    const finish = (attempt: number, startedAt: number, more: Partial<NewEntry>): void =>
      steps.write({ entry: entryOf(key, kind, fingerprint, { attempt, startedAt, input, ...more }) })

    /** False: it was begun before, and may not be begun again. */
    const mark = async (attempt: number): Promise<boolean> => {
      if (!options.isMarked) return true
      if (steps.before(key).some(({ phase }) => phase === 'open')) return !options.once
      await new Promise<void>((written) =>
        steps.write({ entry: entryOf(key, kind, fingerprint, { phase: 'open', attempt, input }), written }))
      return true
    }
    /** Resolves once it is written with what it did. */
    const transact = async (database: Database, number: number, startedAt: number, step: StepCall): Promise<void> => {
      const outcome = Promise.withResolvers<Transacted | { is: 'withdrawn' }>()
      let hasBegun = false
      const work = async (transaction: Transaction, known?: string): Promise<Append> => {
        hasBegun = true
        const value = known ?? writeValue(await within(timeoutMs, over, 'The step', (signal) => body(step, signal, transaction)), hidden)
        const entry = entryOf(key, kind, fingerprint, { attempt: number, startedAt, input, value })
        return new Promise((resolve, reject) => {
          if (over.aborted) return reject(over.reason)
          over.addEventListener('abort', () => reject(over.reason), { once: true })
          steps.write({ entry, through: (append) => {
            resolve(append)
            return outcome.promise
          } })
        })
      }
      try {
        const here = await world.store.transact?.(database, { id: runId, epoch: run.head.epoch }, work)
        outcome.resolve(!here || here.is === 'elsewhere' ? await transactApart(world, database, run, key, work) : here)
      } catch (error) {
        outcome.resolve({ is: 'withdrawn' })
        throw !hasBegun && reportError(error).status === 501 ? new NoTransactionError(name, (error as Error).message) : error
      }
    }
    const attempt = async (number: number): Promise<void> => {
      const startedAt = world.now()
      if (!(await mark(number))) {
        const interrupted = new StepInterruptedError(`The step ${name} may run once only, and was begun before`)
        return finish(number, startedAt, { error: writeError(interrupted) })
      }
      // a process that was stopped for a while goes on before it is told that its lease is over
      if (over.aborted || world.holds?.() === false) return
      steps.begun({ key, kind, fingerprint, attempt: number, input, startedAt })
      let value: string
      try {
        const step: StepCall = { runId, stepName: name, attempt: number, idempotencyKey }
        if (database) return await transact(database, number, startedAt, step)
        value = writeValue(await within(timeoutMs, over, 'The step', (signal) => body(step, signal)), hidden)
      } catch (error) {
        if (over.aborted) return
        const delayMs = options.once ? undefined : retryInMs(error, number, retry, world.random())
        if (delayMs === undefined) return finish(number, startedAt, { error: writeError(error) })
        const until = world.now() + delayMs
        const failed = entryOf(key, kind, fingerprint, {
          phase: 'retry', attempt: number, startedAt, input, value: writeValue({ until }), error: writeError(error),
        })
        steps.write({ entry: failed })
        return again(number + 1, until)
      }
      // nobody waits for it any more
      if (!over.aborted) finish(number, startedAt, { value })
    }
    const again = (number: number, until: number): void =>
      steps.wait(key, { until, wake: () => void steps.busy(() => attempt(number)) })

    const last = steps.before(key).findLast(({ phase }) => phase === 'retry')
    if (!last) return steps.busy(() => attempt(1))
    again(last.attempt + 1, (readValue(last.value) as { until: number }).until)
  }

  const inputOf = (functionId: string, data: unknown): string => writeValue(data, reach.hidden?.[functionId]?.input)
  const outputOf = (functionId: string): readonly Path[] | undefined => reach.hidden?.[functionId]?.output

  const undone = async <T>(name: string, data: unknown, options: StepOptions, step: Promise<T>): Promise<T> => {
    try {
      return await step
    } catch (error) {
      if (options.onError !== undefined && !(error instanceof RunCancelledError)) {
        const functionId = options.onError
        await done({
          name: `${name}, undone`, kind: 'undo', fingerprint: functionId, input: inputOf(functionId, data), options: {}, hidden: outputOf(functionId),
          body: (step, signal) => reach.call(functionId, data, step, signal),
        })
      }
      throw error
    }
  }

  const launch = (key: string, deed: Deed): void => {
    attempts(key, deed, settle(deed.options)).catch((error: unknown) =>
      steps.write({ entry: entryOf(key, deed.kind, deed.fingerprint, { input: deed.input, error: writeError(error) }) }))
  }
  /** What is to happen to what the step did, should the run come to nothing: a step of its own, with the step's input. */
  const undoable = (key: string, { name, input, options: { compensate } }: Pick<Deed, 'name' | 'input' | 'options'>): void => {
    if (compensate === undefined) return
    const fingerprint = typeof compensate === 'string' ? compensate : ''
    if (fingerprint && input === null) throw new TypeError(`compensate of the inline step ${JSON.stringify(name)} is a function: write (result) => …`)
    const undo = async (step: StepCall, signal: AbortSignal): Promise<unknown> => typeof compensate === 'string'
      ? reach.call(compensate, readValue(input), step, signal)
      : (compensate as (result: unknown) => unknown)(readValue(steps.word(key)?.value ?? null))
    const deed: Deed = { name: `${name}, compensated`, hidden: outputOf(fingerprint), kind: 'undo', fingerprint, input, options: {}, body: undo }
    const undoKey = `${key}, compensated`
    steps.undoable(key, () => steps.ask({ key: undoKey, kind: 'undo', fingerprint, begin: () => launch(undoKey, deed) }))
  }
  const done = (deed: Deed): Promise<unknown> => {
    settle(deed.options)
    return ask(deed.name, deed.kind, deed.fingerprint, (key) => launch(key, deed), (key) => undoable(key, deed))
  }
  const call = (name: string, functionId: string, data: unknown, options: StepOptions): Promise<unknown> => done({
    name, kind: 'rpc', fingerprint: functionId, input: inputOf(functionId, data), options, hidden: outputOf(functionId),
    body: (step, signal) => reach.call(functionId, data, step, signal),
  })
  const inline = (name: string, body: (transaction: any) => unknown, options: StepOptions & { transaction?: Database }): Promise<unknown> => done({
    name, kind: 'inline', fingerprint: '', input: null, options, database: options.transaction,
    body: async (_step, _signal, transaction) => body(transaction),
  })

  const child = async (name: string, workflow: string, data: unknown, options: StepOptions): Promise<unknown> => {
    const input = inputOf(workflow, data)
    const ended = (await ask(name, 'child', workflow, (key) => {
      const listen = (): void => steps.wait(key, {
        until: null, type: `child ${key}`,
        wake: (message) => steps.write({ entry: entryOf(key, 'child', workflow, {
          input, value: writeValue({ n: message?.n, ended: readValue(message?.payload ?? null) }),
        }) }),
      })
      const start = async (): Promise<void> => {
        const id = `${runId}.${(await digest(toBytes(key))).slice(0, 16)}`
        // that the store can't be reached is no word on the child
        for (let tries = 0; !steps.signal.aborted; tries += 1) {
          try {
            return await reach.startChild(workflow, data, id, { id: runId, key })
          } catch (error) {
            if (reportError(error).status < 500) throw error
            await new Promise<void>((resolve) => void world.after(Math.min(100 * 2 ** tries, 5000), resolve))
          }
        }
      }
      // for people to see, and with the append that parks the run
      if (steps.before(key).length === 0) steps.write({ entry: entryOf(key, 'child', workflow, { phase: 'open', input }) })
      void steps.busy(start).then(listen, (error: unknown) =>
        steps.write({ entry: entryOf(key, 'child', workflow, { input, error: writeError(error) }) }))
    }, (key) => undoable(key, { name, input, options }))) as { ended: { status: string; output: string | null; error: string | null } }
    const { output, error } = ended.ended
    if (error !== null) throw readError(error)
    return readValue(output)
  }

  // Steps that wait.

  /** The time at which the wait is over, which was decided once. */
  const opened = (key: string): { until: number | null } | undefined => {
    const entry: Entry | undefined = steps.before(key).find(({ phase }) => phase === 'open')
    return entry && (readValue(entry.value) as { until: number | null })
  }
  const open = (key: string, kind: StepKind, fingerprint: string, ms: number | undefined): number | null => {
    const known = opened(key)
    if (known) return known.until
    const until = ms === undefined ? null : world.now() + ms
    steps.write({ entry: entryOf(key, kind, fingerprint, { phase: 'open', value: writeValue({ until }) }) })
    return until
  }

  /** A decision goes before the end of the time: that is written only if no message has come meanwhile. */
  const listenTo = (
    key: string, kind: StepKind, fingerprint: string, type: string, until: number | null, take: (message: Message) => unknown,
    over: Partial<NewEntry>,
  ): void => {
    const listen = (): void => steps.wait(key, {
      until, type,
      wake: (message) => message
        ? steps.write({ entry: entryOf(key, kind, fingerprint, { value: writeValue({ n: message.n, value: take(message) }) }) })
        : steps.write({ entry: entryOf(key, kind, fingerprint, over), again: listen }),
    })
    listen()
  }

  const recorded = async (name: string, kind: StepKind, make: () => unknown): Promise<unknown> =>
    ask(name, kind, '', (key) => steps.write({ entry: entryOf(key, kind, '', { value: writeValue(make()) }) }))

  const wire: WorkflowWire = {
    runId,
    name: run.head.name,
    do: async (name: string, what: string | ((transaction: any) => unknown), given?: unknown, more?: StepOptions): Promise<never> => {
      if (typeof what === 'function') return inline(name, what, (given as StepOptions | undefined) ?? {}) as Promise<never>
      if (more && 'transaction' in more) throw new TypeError(`transaction is for a step that is written inline: write workflow.do(${JSON.stringify(name)}, async (transaction) => …, { transaction: db })`)
      if (reach.isWorkflow(what)) return child(name, what, given, more ?? {}) as Promise<never>
      return undone(name, given, more ?? {}, call(name, what, given, more ?? {})) as Promise<never>
    },
    sleep: async (name, length) => {
      const ms = milliseconds(length, 'The time to sleep')
      await ask(name, 'sleep', '', (key) => {
        const until = open(key, 'sleep', '', ms)
        steps.wait(key, { until, wake: () => steps.write({ entry: entryOf(key, 'sleep', '', {}) }) })
      })
    },
    approval: async (name, { timeout } = {}) => {
      const ms = limit(timeout)
      const over: Approval = { approved: false, reason: 'expired' }
      const ended = (await ask(name, 'approval', '', (key) => listenTo(
        key, 'approval', '', approvalType(key), open(key, 'approval', '', ms),
        ({ payload, by }): Approval => ({ ...(readValue(payload) as Decision), ...(by !== null && { by }) }),
        { value: writeValue({ value: over }) },
      ))) as { value: Approval }
      return ended.value
    },
    waitForEvent: async (name, event, { timeout } = {}) => {
      const ms = limit(timeout)
      const ended = (await ask(name, 'event', event, (key) => listenTo(
        key, 'event', event, eventType(event), open(key, 'event', event, ms), ({ payload }) => readValue(payload),
        { error: writeError(new WaitTimeoutError(`${event} did not come in time`)) },
      ))) as { value: never }
      return ended.value
    },
    cancel: async (reason) => {
      throw new RunCancelledError(reason ?? 'The workflow ended itself')
    },
    all: async (key, branches) => {
      const scope = scopes.getStore() ?? ''
      const ended = Object.entries(branches).map(async ([name, branch]) =>
        [name, await scopes.run(scopeOf(scope, key, name), branch)] as const)
      return Object.fromEntries(await Promise.all(ended)) as never
    },
    now: async () => (await recorded('now', 'now', () => new Date(world.now()))) as Date,
    random: async () => (await recorded('random', 'random', () => world.random())) as number,
    uuid: async () => (await recorded('uuid', 'uuid', () => crypto.randomUUID())) as string,
    patch: (id) => {
      const known = patches.get(id)
      if (known) return known
      // what an older run has passed it doesn't have
      const isOld = !steps.isLive() && !steps.word(plain(`patch ${id}`))
      const answer = isOld ? Promise.resolve(false) : scopes.run('', () => recorded(`patch ${id}`, 'patch', () => true) as Promise<boolean>)
      patches.set(id, answer)
      return answer
    },
  }
  return {
    wire,
    node: (name, functionId, data, options) =>
      done({
        name, kind: 'rpc', fingerprint: functionId, input: inputOf(functionId, data), options,
        hidden: outputOf(functionId)?.map((path) => ['output', ...path]),
        body: (step, signal) => reach.node(functionId, data, step, signal),
      }) as Promise<Ended>,
  }
}
