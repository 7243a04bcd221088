/** Spans of runs from the object that has one: what is told while it has the run in hand is sent by the end of that. */
import { readSecret, type Environment } from '../core/environment.ts'
import type { Logger } from '../types/services.ts'
import type { Store } from '../workflow/store.ts'
import { createExporter } from './otlp.ts'
import { traced } from './runs.ts'
import { isAskedFor, readSettings, type Settings } from './settings.ts'

export interface Spans {
  /** The object's, told. */
  readonly store: Store
  /** Sends what there is, within a few seconds; never rejects. */
  close(): Promise<void>
}

/** Undefined: nobody has asked for spans, or not so that they could be sent. */
export type OpenSpans = (store: Store, env: Environment, project: string, logger: Logger) => Promise<Spans | undefined>

/** Of the isolate, which is the instance that spans come from. */
let known: { readonly settings: Settings | undefined } | undefined

/** The variables, of which secrets may be in a store. */
const variablesOf = async (env: Environment): Promise<Environment> => {
  const names = Object.keys(env).filter((name) => name.startsWith('OTEL_') || name === 'UNITGRAPH_RELEASE')
  return Object.fromEntries(await Promise.all(names.map(async (name) => [name, await readSecret(env, name)] as const)))
}

const settingsOf = async (env: Environment, project: string, logger: Logger): Promise<Settings | undefined> => {
  if (known) return known.settings
  try {
    const variables = await variablesOf(env)
    const release = variables['UNITGRAPH_RELEASE'] as string | undefined
    known = { settings: isAskedFor(variables) ? readSettings(variables, project, release) : undefined }
  } catch (error) {
    logger.warn(error, { code: 'telemetry-off' })
    known = { settings: undefined }
  }
  return known.settings
}

export const spans: OpenSpans = async (store, env, project, logger) => {
  const settings = await settingsOf(env, project, logger)
  if (!settings) return undefined
  const exporter = createExporter(settings, logger)
  let told = Promise.resolve()
  const failed = (error: unknown): void => logger.warn(error, { code: 'telemetry-fault' })
  return {
    store: traced(store, exporter.tell, (telling) => {
      const before = told
      told = telling.catch(failed).then(() => before)
    }),
    close: async () => {
      await told
      await exporter.close()
    },
  }
}
