/**
 * What is known of one project: its services, session, and every name that code may refer to.
 *
 * This is the form in which nothing is known, so every name is allowed. The generated `.pikku/` folder holds the
 * other files of this directory as they are, and a `project` of its own with the same members, closed.
 */
import type { CoreConfig, CoreUserSession } from './services.js'

/** What a caller gives and gets. Generated as `FunctionTypes<typeof import('../src/books.js').getBooks>`. */
export interface CallTypes {
  // `any`: the open form must accept whatever a caller says
  input: any
  // `any`: as above
  output: any
}

interface Routes {
  GET: Record<string, CallTypes>
  POST: Record<string, CallTypes>
  PUT: Record<string, CallTypes>
  PATCH: Record<string, CallTypes>
  DELETE: Record<string, CallTypes>
}

export interface Project {
  /** What `pikkuConfig`'s factory returns. */
  config: CoreConfig
  /** What `pikkuServices`' factory returns (the built-in services are added by `services.ts`). */
  singletonServices: object
  /** What `pikkuWireServices`' factory returns. */
  wireServices: object
  /** `Kysely<Database>` for the exported interface `Database`, where the project depends on `kysely`. */
  database: unknown
  /** What `setSession` takes and `session` gives. */
  session: CoreUserSession
  /** Every function by name. */
  rpc: Record<string, CallTypes>
  /** The part of `rpc` with `expose: true`. */
  exposed: Record<string, CallTypes>
  /** Method → route → the function behind it. */
  routes: Routes
  /** The part of `routes` with `sse: true`. */
  streams: Routes
  /** A channel's route → the functions behind it. */
  channels: Record<string, {
    connect: CallTypes
    message: CallTypes
    messages: Record<string, Record<string, CallTypes>>
  }>
  /** Queue name → what a job's data is. */
  queues: Record<string, unknown>
  /** Event hub topic → what is published. */
  topics: Record<string, unknown>
  workflows: Record<string, CallTypes>
  agents: Record<string, CallTypes>
  /** Secret id → what `getSecretJSON` gives. */
  secrets: Record<string, unknown>
  /** Variable id → what `variables.get` gives. */
  // `any`: a text, or what its schema makes of it
  variables: Record<string, any>
}
