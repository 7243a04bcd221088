/** What a Worker asks of a run's Durable Object, and under which name: a call of the store as one request. */
import { pack, unpack } from '../../core/json.ts'
import type { Store } from '../store.ts'

/** The name under which a unit is bound to the runs of its workflows. */
export const RUNS = 'UNITGRAPH_RUNS'

export type Asked = 'start' | 'load' | 'deliver' | 'cancel' | 'resume' | 'fork'

export interface Asking {
  readonly name: string
  readonly given: readonly unknown[]
}

interface Stub {
  fetch(url: string, init: RequestInit): Promise<Response>
}
export interface Namespace {
  idFromName(name: string): unknown
  idFromString(id: string): unknown
  get(id: unknown): Stub
}

/** `undefined` and dates arrive as what they were. */
export const callObject = async (object: Stub, who: string, name: string, ...given: readonly unknown[]): Promise<unknown> => {
  const asking: Asking = { name, given }
  const response = await object.fetch('https://run/', { method: 'POST', body: pack(asking) })
  if (!response.ok) throw new Error(`The run ${who} could not be asked: status ${response.status}`)
  return (unpack(await response.text()) as { answer?: unknown }).answer
}

export const call = (runs: Namespace, object: string, name: string, ...given: readonly unknown[]): Promise<unknown> =>
  callObject(runs.get(runs.idFromName(object)), object, name, ...given)

export const ask = async <Name extends Asked>(
  runs: Namespace, id: string, name: Name, ...given: Parameters<Store[Name]>
): Promise<Awaited<ReturnType<Store[Name]>>> =>
  (await call(runs, id, name, ...given)) as Awaited<ReturnType<Store[Name]>>
