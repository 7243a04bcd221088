/** `#pikku/trigger`: events from outside, and the sources that they come from. */
import type { AnyFunction, FunctionOptions, Handler, PikkuFunction } from './function.js'
import type { StandardSchema } from './schema.js'
import type { Services, UserSession } from './services.js'
import type { TriggerWire, Wire } from './wire.js'

type InTrigger<Sent> = Omit<Wire<UserSession | undefined>, 'trigger'> & { readonly trigger: TriggerWire<Sent> }

type Teardown = () => void | Promise<void>

/** `Sent` is what it passes to the functions behind the trigger. */
interface TriggerAuthor {
  <In = unknown, Sent = unknown>(
    func: Handler<Services, In, Teardown, InTrigger<Sent>>,
  ): PikkuFunction<In, Sent, 'trigger'>
  <In = unknown, Sent = unknown>(
    options: FunctionOptions<In> & {
      input?: StandardSchema<unknown, In>
      output?: StandardSchema<Sent>
      func: Handler<Services, In, Teardown, InTrigger<Sent>>
    },
  ): PikkuFunction<In, Sent, 'trigger'>
}

/** Starts to listen, and returns what ends it. */
export declare const pikkuTriggerFunc: TriggerAuthor

export interface Trigger {
  name: string
  func: AnyFunction
  tags?: readonly string[]
  description?: string
}

export interface TriggerSource {
  name: string
  func: AnyFunction
  input?: unknown
  schema?: StandardSchema
  tags?: readonly string[]
}

export declare function wireTrigger(trigger: Trigger): void
export declare function wireTriggerSource(source: TriggerSource): void
