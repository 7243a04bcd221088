/** Triggers. A wiring is read from the source; at run time it does nothing. */
import { author } from '../core/definition.ts'
import type * as api from '../types/trigger.ts'

export const pikkuTriggerFunc: typeof api.pikkuTriggerFunc = author('trigger') as never
/* @__NO_SIDE_EFFECTS__ */
export const wireTrigger: typeof api.wireTrigger = () => undefined
/* @__NO_SIDE_EFFECTS__ */
export const wireTriggerSource: typeof api.wireTriggerSource = () => undefined
export type * from '../types/trigger.ts'
