/** What functions return, against their schemas: in development only, where a wrong output is to be seen, not the caller's fault. */
import type { Logger } from '../types/services.ts'
import type { Definition } from './definition.ts'
import { readText } from './environment.ts'
import type { Services } from './services.ts'
import type { Host } from './unit.ts'

/** What a call of these gives is what it started; the output is of its end. */
const STARTS = new Set(['workflow', 'workflow-graph'])

const known = new WeakMap<Host, boolean>()

const isDevelopment = (host: Host): boolean => {
  let found = known.get(host)
  if (found === undefined) known.set(host, (found = (readText(host.env, 'UNITGRAPH_ENV') ?? readText(host.env, 'NODE_ENV')) === 'development'))
  return found
}

export const outputs = (definition: Definition, result: unknown, services: Services, host: Host): Promise<void> | undefined =>
  isDevelopment(host) && !STARTS.has(definition.kind) && !(result instanceof Response) ? check(definition, result, services) : undefined

const check = async ({ id, output }: Definition, result: unknown, services: Services): Promise<void> => {
  const issues = output && (await output['~standard'].validate(result)).issues
  if (!issues) return
  const message = `The output of ${id} is not what its schema says`
  ;(services['logger'] as Logger).error(message, { issues })
  throw new TypeError(message)
}
