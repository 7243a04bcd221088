/** The tables of a deployment in PostgreSQL: a schema a project. Knows them, not what they are for. */
import type { Client } from './client.ts'

const VERSION = 1
/** Of names, in bytes. */
const LONGEST = 63
/** Of a lock that only transactions which make schemas take. */
const LOCK = 7_361_955

const short = async (project: string): Promise<string> => {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(project)))
  return `${project.slice(0, 36)}-${[...digest.slice(0, 5)].map((byte) => byte.toString(16).padStart(2, '0')).join('')}`
}

/** Of the schema, and of channels, unquoted. */
export const nameOf = async (project: string): Promise<string> => {
  const name = `unitgraph_${project}`
  return name.length > LONGEST - 5 ? `unitgraph_${await short(project)}` : name
}

export const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`

/**
 * `jobs.due_ms` is when a job may be taken: once its delay is over, or the lease of the process that runs it. `state`
 * is 0 while it waits or runs, 1 where only its id is kept until `due_ms`, 2 where it was given up.
 * `ticks.at_ms` is the last time that was run, `lease_ms` how long it surely runs: 0 once it has ended.
 * `messages` are those of the bus that are too long for a NOTIFY, for a minute.
 */
const tables = (schema: string): string => `
  CREATE SCHEMA IF NOT EXISTS ${schema};
  CREATE TABLE IF NOT EXISTS ${schema}.version (version int NOT NULL);
  CREATE TABLE IF NOT EXISTS ${schema}.jobs (
    seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, queue text NOT NULL, id text NOT NULL, body text NOT NULL,
    is_named boolean NOT NULL, added_ms bigint NOT NULL, due_ms bigint NOT NULL, attempt int NOT NULL DEFAULT 0, owner text,
    state smallint NOT NULL DEFAULT 0
  ) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_cost_delay = 0);
  CREATE UNIQUE INDEX IF NOT EXISTS jobs_by_id ON ${schema}.jobs (queue, id);
  CREATE INDEX IF NOT EXISTS jobs_due ON ${schema}.jobs (queue, due_ms, seq) WHERE state = 0;
  CREATE INDEX IF NOT EXISTS jobs_ended ON ${schema}.jobs (due_ms) WHERE state = 1;
  CREATE TABLE IF NOT EXISTS ${schema}.ticks (task text PRIMARY KEY, at_ms bigint NOT NULL, lease_ms bigint NOT NULL DEFAULT 0);
  CREATE TABLE IF NOT EXISTS ${schema}.messages (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, sent_ms bigint NOT NULL, body text NOT NULL
  );
  INSERT INTO ${schema}.version SELECT ${VERSION} WHERE NOT EXISTS (SELECT FROM ${schema}.version)`

const TRIES = 10
/** Another has made the same meanwhile, and this connection's own memory of names is behind. */
const isMade = (error: unknown): boolean => ['23505', '42P06', '42P07', '42710'].includes(String((error as { errno?: string }).errno))

const make = async (client: Client, schema: string): Promise<void> => {
  for (let tries = 1; ; tries += 1) {
    const [known] = await client.run<{ is: boolean }>('SELECT to_regclass($1) IS NOT NULL AS is', `${schema}.version`)
    if (known?.is) return
    try {
      // one message of several statements is one transaction; the lock is the transaction's
      return void (await client.run(`SELECT pg_advisory_xact_lock(${LOCK}); ${tables(schema)}`))
    } catch (error) {
      if (!isMade(error) || tries === TRIES) throw error
    }
  }
}

/** What several processes that start at once may all do. Returns the schema's name, quoted. */
export const prepare = async (client: Client, project: string): Promise<string> => {
  const schema = quoted(await nameOf(project))
  await make(client, schema)
  const [found] = await client.run<{ version: number }>(`SELECT version FROM ${schema}.version`)
  if (found?.version !== VERSION) {
    throw new Error(`the schema ${schema} is of version ${found?.version}, and this program knows version ${VERSION}`)
  }
  return schema
}

export interface Code {
  /** Of all functions; their names have their version in them. */
  readonly sql: string
  /** The signature of the last one: where it is, all are. */
  readonly witness: string
}

/**
 * Brings a part of the tables to the version that `steps` lead to, one after the other and each once, whoever else does
 * the same at the time; and makes its functions.
 */
export const migrate = async (client: Client, schema: string, part: string, steps: readonly string[], code: Code): Promise<void> => {
  const version = async (): Promise<number> => {
    const [known] = await client.run<{ is: boolean }>('SELECT to_regclass($1) IS NOT NULL AS is', `${schema}.parts`)
    if (!known?.is) return 0
    return (await client.run<{ version: number }>(`SELECT version FROM ${schema}.parts WHERE part = $1`, part))[0]?.version ?? 0
  }
  const found = await version()
  if (found > steps.length) {
    throw new Error(`${part} in the schema ${schema} are of version ${found}, and this program knows version ${steps.length}`)
  }
  const [made] = await client.run<{ is: boolean }>('SELECT to_regprocedure($1) IS NOT NULL AS is', code.witness)
  if (found === steps.length && made?.is) return
  await client.run(`DO $migration$ DECLARE had int; BEGIN
    LOCK TABLE ${schema}.version IN SHARE ROW EXCLUSIVE MODE;
    CREATE TABLE IF NOT EXISTS ${schema}.parts (part text PRIMARY KEY, version int NOT NULL);
    SELECT version INTO had FROM ${schema}.parts WHERE part = '${part}';
    ${steps.map((step, index) => `IF coalesce(had, 0) < ${index + 1} THEN ${step} END IF;`).join('\n')}
    ${code.sql}
    INSERT INTO ${schema}.parts AS parts VALUES ('${part}', ${steps.length})
      ON CONFLICT (part) DO UPDATE SET version = greatest(parts.version, excluded.version);
  END $migration$`)
}
