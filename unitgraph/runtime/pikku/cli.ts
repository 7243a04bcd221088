/** The command line. A wiring is read from the source; at run time it does nothing. */
import type * as api from '../types/cli.ts'

/* @__NO_SIDE_EFFECTS__ */
export const wireCLI: typeof api.wireCLI = () => undefined
/* @__NO_SIDE_EFFECTS__ */
export const pikkuCLICommand: typeof api.pikkuCLICommand = (command) => command as never
/* @__NO_SIDE_EFFECTS__ */
export const pikkuCLIRender: typeof api.pikkuCLIRender = (render) => render
export type * from '../types/cli.ts'
