/** The built-in services, and how a project's own are added to them. */
import type { Project } from './project.js'
import type { NameIn, ValueIn } from './wire.js'

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'silent'

/** A message and, if useful, fields of the log line. An Error as either is written with its stack. */
export interface Logger {
  trace(message: unknown, fields?: unknown): void
  debug(message: unknown, fields?: unknown): void
  info(message: unknown, fields?: unknown): void
  warn(message: unknown, fields?: unknown): void
  error(message: unknown, fields?: unknown): void
  /** The same logger with fields on every line. */
  child?(fields: Record<string, unknown>): Logger
}

export interface CoreConfig {
  logLevel?: LogLevel | undefined
  /** `json` writes one object a line; `pretty` is for people. */
  logFormat?: 'json' | 'pretty' | undefined
}

export interface CoreUserSession {
  userId?: string | undefined
}

export type UserSession = Project['session']
export type Config = Project['config']

/** Reads by id from the environment (a worker's bindings, or the process'). */
export interface VariablesService {
  get<Id extends VariableId>(id: Id): Project['variables'][Id] | undefined
  getJSON<T = unknown>(id: VariableId): T | undefined
  has(id: VariableId): boolean
}

/** A missing secret is a `MissingSecretError`. Values that were read appear in log lines as `[secret]`. */
export interface SecretsService {
  getSecret(id: SecretId): Promise<string>
  getSecretJSON<Id extends SecretId>(id: Id): Promise<Project['secrets'][Id]>
  hasSecret(id: SecretId): Promise<boolean>
}

export type VariableId = Extract<keyof Project['variables'], string>
export type SecretId = Extract<keyof Project['secrets'], string>

/**
 * Signs and reads JSON Web Tokens with the secret `JWT_SECRET` (HS256): one key, or several as JSON,
 * `[{ "kid": "new", "secret": "…" }, { "kid": "old", "secret": "…" }]`, of which the first signs and all are believed.
 */
export interface JWTService {
  /** `expiresIn` as `30s`, `5m`, `2h`, `7d`, or seconds. */
  encode(expiresIn: string | number, claims: object): Promise<string>
  /** Throws `UnauthorizedError` when the token is malformed, expired or signed by somebody else. */
  decode<T = Record<string, unknown>>(token: string): Promise<T>
  verify(token: string): Promise<void>
}

export interface QueueJobOptions {
  /**
   * Makes adding idempotent: while a job of this id waits or runs, and for a day after it ended, another one of the
   * same queue and id does nothing. Up to 256 characters.
   */
  jobId?: string
  /** Milliseconds, or `30s`, `5m`, `2h`; up to a day. */
  delay?: number | string
  /** In all, the first one included: for fewer than the worker's `maxRetries` allow. */
  attempts?: number
  /** Has no effect: not every queue has priorities. */
  priority?: number
}

export type QueueName = Extract<keyof Project['queues'], string>

export interface QueueService {
  /**
   * The job's id, once the queue has the job for certain. Its data may hold what calls between units may: dates,
   * bigints, bytes, maps and sets; up to 127 000 bytes as JSON.
   */
  add<N extends string>(
    queue: NameIn<Project['queues'], N>, data: ValueIn<Project['queues'], N>, options?: QueueJobOptions,
  ): Promise<string>
}

export type TopicName = Extract<keyof Project['topics'], string>

export interface EventHub {
  subscribe(topic: TopicName, channelId: string): Promise<void> | void
  unsubscribe(topic: TopicName, channelId: string): Promise<void> | void
  /** To all channels subscribed to the topic; `channelId` is the sender, which is left out, or null for all. */
  publish<Topic extends TopicName>(
    topic: Topic, channelId: string | null, data: Project['topics'][Topic],
  ): Promise<void> | void
}

/** Values under keys, for as long as they are wanted. What was written may be seen elsewhere a minute later. */
export interface KeyValueStore {
  /** What was put: plain JSON, dates, bigints, bytes, maps and sets. */
  get<T = unknown>(key: string): Promise<T | undefined>
  /** `ttl` is milliseconds, or `30s`, `5m`, `7d`: then it is gone. Up to 512 bytes of key, 25 MiB of value. */
  put(key: string, value: unknown, options?: { ttl?: number | string | undefined }): Promise<void>
  delete(key: string): Promise<void>
  /** In the order of the keys' bytes; 1000 at most, and a `cursor` where there are more. A page may be short of some. */
  list(options?: ListOptions): Promise<{ readonly keys: readonly string[]; readonly cursor?: string }>
}

export interface ListOptions {
  prefix?: string | undefined
  limit?: number | undefined
  cursor?: string | undefined
}

export type ObjectBody = string | Uint8Array<ArrayBuffer> | ArrayBuffer | Blob | ReadableStream<Uint8Array>

export interface ObjectEntry {
  readonly key: string
  readonly size: number
  /** Another one wherever the content is another one; without quotation marks. */
  readonly etag: string
  readonly lastModified: Date
}

export interface ObjectInfo extends ObjectEntry {
  /** As it was given; a bucket's client may add `;charset=utf-8` to what is text. */
  readonly contentType: string
}

/** `body` is read once, as a stream or by one of the methods. */
export interface StoredObject extends ObjectInfo {
  readonly body: ReadableStream<Uint8Array>
  text(): Promise<string>
  json<T = unknown>(): Promise<T>
  bytes(): Promise<Uint8Array<ArrayBuffer>>
}

export interface ObjectList {
  readonly objects: readonly ObjectEntry[]
  readonly cursor?: string
}

/** Objects of any size under keys of up to 1024 bytes. What was put is there, whole, once `put` has resolved. */
export interface ObjectStorage {
  put(key: string, body: ObjectBody, options?: { contentType?: string | undefined }): Promise<ObjectInfo>
  /** With `range`, `body` is that part; `size` is the whole object's. */
  get(key: string, options?: { range?: { offset?: number; length?: number } | undefined }): Promise<StoredObject | undefined>
  head(key: string): Promise<ObjectInfo | undefined>
  delete(key: string): Promise<void>
  list(options?: ListOptions): Promise<ObjectList>
  /** Where whoever has it may get or put the object for a while; a `NotImplementedError` where the place has no addresses. */
  signedUrl(
    key: string, options: { method?: 'GET' | 'PUT'; expiresIn: number | string; contentType?: string | undefined },
  ): Promise<string>
}

export interface RateLimit {
  readonly limit: number
  readonly windowMs: number
}

export interface RateLimitState {
  readonly allowed: boolean
  /** How many calls are left now. */
  readonly remaining: number
  /** When all of them would be there again. */
  readonly resetMs: number
  /** When the next one is there; 0 where one was. */
  readonly retryAfterMs: number
}

/** What `rateLimit` counts with. */
export interface RateLimits {
  take(key: string, limit: RateLimit): Promise<RateLimitState>
}

/** What every function may take, whether or not the project provides services of its own. */
export interface WebhookEvent {
  /** `order.paid` */
  type: string
  data: unknown
  /** When it happened. Default: now. */
  timestamp?: Date
}

export interface WebhookOptions {
  /** `whsec_…`; of several, the event is signed with each, while the receiver changes from one to another. */
  secret: string | readonly string[]
  /** The same for each try of one event, so that the receiver knows it again. */
  id?: string
  /** Default 15s. */
  timeout?: number | string
  headers?: Readonly<Record<string, string>>
  /** Also to addresses of this network, and without TLS. Never for an address that somebody else gave. */
  allowPrivate?: boolean
}

export interface WebhooksService {
  /**
   * Sends an event once, signed as Standard Webhooks has it. Throws where it isn't taken (410: the receiver wants no
   * more), so that a queue's worker tries again.
   */
  send(url: string, event: WebhookEvent, options: WebhookOptions): Promise<{ id: string; status: number }>
}

export interface BuiltinServices {
  config: Config
  logger: Logger
  variables: VariablesService
  secrets: SecretsService
  /** A worker's bindings that are not text: databases, buckets, other workers. Elsewhere empty. */
  bindings: Readonly<Record<string, unknown>>
  jwt: JWTService
  queueService: QueueService
  eventHub: EventHub
  kv: KeyValueStore
  storage: ObjectStorage
  /** Kysely on the project's tables, where the project depends on `kysely`. */
  db: Project['database']
  rateLimits: RateLimits
  webhooks: WebhooksService
}

/** Built-in services under names that projects have long given to their own. */
type Replaceable = 'db' | 'kv' | 'storage'

/** A project's own service of the same name takes the place of the built-in one. */
export type WithBuiltins<Own> = Omit<BuiltinServices, keyof Own> & Own

export type CoreSingletonServices<C = Config> = Omit<BuiltinServices, 'config' | Replaceable> & { config: C }
export type CoreServices<Singleton = CoreSingletonServices> = Singleton

export type SingletonServices = WithBuiltins<Project['singletonServices']>
export type Services = Omit<SingletonServices, keyof Project['wireServices']> & Project['wireServices']

/** Writes to the console, for people. */
export declare class ConsoleLogger implements Logger {
  constructor(level?: LogLevel)
  trace(message: unknown, fields?: unknown): void
  debug(message: unknown, fields?: unknown): void
  info(message: unknown, fields?: unknown): void
  warn(message: unknown, fields?: unknown): void
  error(message: unknown, fields?: unknown): void
  child(fields: Record<string, unknown>): Logger
}

/** Variables from an object, by default the environment of the process. For tests. */
export declare class LocalVariablesService implements VariablesService {
  constructor(environment?: Readonly<Record<string, string | undefined>>)
  get<Id extends VariableId>(id: Id): Project['variables'][Id] | undefined
  getJSON<T = unknown>(id: VariableId): T | undefined
  has(id: VariableId): boolean
}

/** Secrets from an object, by default the environment of the process. For tests. */
export declare class LocalSecretService implements SecretsService {
  constructor(environment?: Readonly<Record<string, string | undefined>>)
  getSecret(id: SecretId): Promise<string>
  getSecretJSON<Id extends SecretId>(id: Id): Promise<Project['secrets'][Id]>
  hasSecret(id: SecretId): Promise<boolean>
}

/** `kv` in memory. For tests. */
export declare class LocalKeyValueStore implements KeyValueStore {
  get<T = unknown>(key: string): Promise<T | undefined>
  put(key: string, value: unknown, options?: { ttl?: number | string | undefined }): Promise<void>
  delete(key: string): Promise<void>
  list(options?: ListOptions): Promise<{ readonly keys: readonly string[]; readonly cursor?: string }>
}

/** What a statement of a batch gave. */
export interface BatchResult<Row = unknown> {
  readonly rows: readonly Row[]
  readonly numAffectedRows?: bigint
  readonly insertId?: bigint
}

/**
 * Statements of Kysely's that happen together or not at all: a batch of D1, a transaction elsewhere. What one of them
 * is can't depend on what another gave.
 */
export declare function batch(
  db: { transaction(): unknown }, queries: readonly { compile(): { readonly sql: string; readonly parameters: readonly unknown[] } }[],
): Promise<readonly BatchResult[]>
