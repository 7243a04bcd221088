/** What stands where something isn't there, and says so to whoever uses it. */
import type { Wire } from '../types/wire.ts'
import { NotImplementedError } from './errors.ts'

/** Any use of it fails. */
const unavailable = (message: string): unknown =>
  new Proxy({}, {
    get: (_target, method) =>
      // what is asked of any object: by await, by a printer, at shutdown
      typeof method === 'symbol' || ['then', 'toJSON', 'close', 'stop', 'onChannelOpened'].includes(method)
        ? undefined
        : () => {
            throw new NotImplementedError(message)
          },
  })

const PROMISED = ['jwt', 'queueService', 'eventHub', 'db', 'kv', 'storage', 'rateLimits']

/** The services that functions may name, whether there are any or not. */
export const promised = (): Readonly<Record<string, unknown>> =>
  Object.fromEntries(PROMISED.map((name) => [name, unavailable(`The service ${name} is not available here: return one from pikkuServices`)]))

/** Where code may ask for `rpc` and no call was found in it. */
export const noRpc = (): Wire['rpc'] =>
  unavailable('rpc is not available: no call was found in the code of this unit. Write rpc.invoke with a constant name in the function itself') as Wire['rpc']
