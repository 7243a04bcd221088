/** Secrets and variables. A wiring is read from the source; at run time it does nothing. */
import type * as api from '../types/secrets.ts'

/* @__NO_SIDE_EFFECTS__ */
export const wireSecret: typeof api.wireSecret = () => undefined
/* @__NO_SIDE_EFFECTS__ */
export const wireVariable: typeof api.wireVariable = () => undefined
/* @__NO_SIDE_EFFECTS__ */
export const defineSecret: typeof api.defineSecret = (secret) => secret
/* @__NO_SIDE_EFFECTS__ */
export const defineVariable: typeof api.defineVariable = (variable) => variable
export type * from '../types/secrets.ts'
