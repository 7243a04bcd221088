/** Durable workflows in a process: keeps runs in the deployment's store, and works on those that are due. */
import { readText } from '../core/environment.ts'
import type { GraphView } from '../dashboard/api.ts'
import type { Dashboard } from '../dashboard/index.ts'
import type { Execution } from '../workflow/execution.ts'
import type { World } from '../workflow/steps.ts'
import type { NewRun, Run } from '../workflow/run.ts'
import { createRuns, type Runs } from '../workflow/runs.ts'
import type { Store as RunStore } from '../workflow/store.ts'
import { createWorker, type Worker } from '../workflow/worker.ts'
import { createClock, createWorld } from '../workflow/world.ts'
import type { Background, Context } from './background.ts'
import { openStore, type Store } from './store.ts'

export interface WorkflowEntry {
  readonly name: string
  readonly unit: string
  /** The digest of its outline. */
  readonly version: string
}

export interface Workflows extends Background {
  /** The built-in service `workflowState`. */
  service(): Runs
}

/** Without it nobody looks after runs from outside. */
const TOKEN = 'UNITGRAPH_DASHBOARD_TOKEN'

const LEASE_MS = 15_000
const LOOK_MS = 1000
/** How many runs are in memory at once. */
const MOST = 1000

export const workflows = (entries: readonly WorkflowEntry[], open: typeof openStore = openStore): Workflows => {
  const versions = new Map(entries.map(({ name, version }) => [name, version]))
  const unitOf = new Map(entries.map(({ name, unit }) => [name, unit]))
  let store: Store | undefined
  let runStore: RunStore | undefined
  let runs: Runs | undefined
  let worker: Worker | undefined
  let context: Context | undefined
  let dashboard: Dashboard | undefined
  const ending = new AbortController()

  const hints = {
    begin: (run: NewRun) => worker?.begin(run),
    started: () => worker?.kick(),
    delivered: (id: string) => worker?.nudge(id),
    cancelled: (id: string) => worker?.cancel(id),
  }

  const execute = async (context: Context, run: Run, world: World): Promise<Execution> => {
    const { name } = run.head
    const started = await context.units.start(unitOf.get(name) ?? '')
    const workflow = started.workflows?.get(name)
    if (!workflow) throw new Error(`No unit of this process has the workflow ${name}`)
    return workflow.execute(run, world)
  }

  return {
    service: () => {
      if (!runs) throw new Error('The store of runs is not open')
      return runs
    },
    open: async (env, project, tell) => {
      store = await open(env, project)
      runStore = await store.runs()
      if (tell) {
        const { traced } = await import('../telemetry/runs.ts')
        runStore = traced(runStore, tell, (telling) => void telling.catch((error: unknown) => context?.logger.warn(error, { code: 'telemetry-fault' })))
      }
      runs = createRuns(runStore, versions, hints)
      const token = readText(env, TOKEN)
      if (token === undefined || token === '') return
      const [{ createDashboard }, { graphOf: graphIn }] = await Promise.all([import('../dashboard/index.ts'), import('../dashboard/graph.ts')])
      const graphOf = async (name: string): Promise<GraphView | undefined> => {
        const started = await context?.units.start(unitOf.get(name) ?? '')
        return started && graphIn(started.unit, name)
      }
      dashboard = createDashboard(token, project, { runs, workflows: versions, graphOf, signal: ending.signal })
    },
    start: (given) => {
      context = given
      if (!runStore) throw new Error('The store of runs is not open')
      const clock = createClock()
      worker = createWorker({
        id: `${crypto.randomUUID()}`, store: runStore, clock, world: createWorld(runStore, clock), versions: Object.fromEntries(versions),
        most: MOST, ttlMs: LEASE_MS, lookMs: LOOK_MS, monotonic: () => performance.now(), logger: given.logger,
        execute: (run, world) => execute(given, run, world),
      })
      worker.start()
    },
    answer: (request, path, { ip, requestId }) => dashboard?.(request, path, { ip, requestId }),
    stop: () => {
      ending.abort()
      if (!worker || !context) return
      const { logger, signal, run } = context
      void run(worker.stop(signal)).catch((error: unknown) => logger.error(error, { code: 'run-store-fault' }))
    },
    close: async () => {
      await runStore?.close()
      await store?.close()
    },
  }
}
