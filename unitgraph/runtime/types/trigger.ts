/** `#pikku/trigger`: events from outside, and the sources that they come from. */
import type { AnyFunction, Author } from './function.js'
import type { StandardSchema } from './schema.js'
import type { Services, UserSession } from './services.js'
import type { TriggerWire, Wire } from './wire.js'

type InTrigger = Omit<Wire<UserSession | undefined>, 'trigger'> & { readonly trigger: TriggerWire }

/** Starts to listen, and returns what ends it. */
export declare const pikkuTriggerFunc: Author<'trigger', Services, InTrigger>

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
