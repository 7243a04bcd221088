/** Factories of configuration and services. */
import type * as api from '../types/setup.ts'

/* @__NO_SIDE_EFFECTS__ */
export const pikkuConfig: typeof api.pikkuConfig = (factory) => async (variables) => factory(variables)
/* @__NO_SIDE_EFFECTS__ */
export const pikkuServices: typeof api.pikkuServices = (factory) => async (config, existing) => factory(config, existing)
/* @__NO_SIDE_EFFECTS__ */
export const pikkuWireServices: typeof api.pikkuWireServices = (factory) => async (services, wire) => factory(services, wire)

/** A constant in a unit's bundle. Where nothing was built, as in a test, every service is wanted. */
export const requiredSingletonServices: typeof api.requiredSingletonServices = /* @__PURE__ */ new Proxy(
  {}, { get: () => true },
)
export type * from '../types/setup.ts'
