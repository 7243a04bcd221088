/** Every unit as a Worker in one workerd. New code goes into the Workers that run; only other bindings need a restart. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Log, LogLevel, Miniflare, Response as Answer, type MiniflareOptions, type WorkerOptions } from 'miniflare'
import { createBeside } from './beside.ts'
import { createClock } from './clock.ts'
import type { Gate } from './gate.ts'
import { createQueues, type Delivered, type Outcome, type Sent } from './jobs.ts'
import { linesOf } from './lines.ts'
import { migrateAll } from './migrations.ts'
import type { Ended } from './process.ts'
import { createTexts } from './texts.ts'
import { firedOf, Refused, type Fired, type Opening, type Place, type Task, type Version } from './words.ts'
import { foldersOf, parseWrangler, workerOf, type Wrangler } from './wrangler.ts'

/** How long requests may take before what they run in is started anew. */
const LINGER_MS = 5000
const SHELL = readFileSync(join(import.meta.dir, 'shell.js'), 'utf8')

interface Unit {
  scheduled(event: { cron: string; scheduledTime: Date }): Promise<{ outcome: string }>
  queue(name: string, messages: Delivered[]): Promise<Outcome>
}

/** What a Worker's code is asked for by: the edition makes it another module. */
const nameOf = (worker: string, edition: number): string => `/${worker}/${edition}/index.js`

/** The shell, with the classes of Durable Objects that the unit has, and the queues that it adds to. */
const shellOf = ({ durable_objects: objects, queues }: Wrangler): string => {
  const classes = new Set((objects?.bindings ?? []).filter((one) => one.script_name === undefined).map((one) => one.class_name))
  const lines = [...classes].map((name) => `export const ${name} = objectOf(${JSON.stringify(name)})\n`)
  const producers = (queues?.producers ?? []).map(({ binding, queue }) => [binding, queue])
  return `${SHELL}${lines.join('')}const producers = ${JSON.stringify(producers)}\n`
}

export const createWorkers = (opening: Opening, gate: Gate, say: (line: string) => void, ended: Ended): Place => {
  const queues = createQueues(opening.data, async (worker, queue, messages) => (await unitOf(worker)).queue(queue, messages), say)
  const beside = createBeside(opening, gate, queues, say, ended)
  const read = createTexts()
  const parsed = new Map<string, { text: string; config: Wrangler }>()
  /** Of each Worker the versions of its code: the one before may be asked for in this moment. */
  const codes = new Map<string, { edition: number; text: string; before: string | undefined }>()
  let configured = ''
  let current: Version | undefined
  let miniflare: Miniflare | undefined
  let address: string | undefined

  const configOf = (folder: string): Wrangler => {
    const text = read(join(folder, 'wrangler.toml'))
    const known = parsed.get(folder)
    const config = known?.text === text ? known.config : parseWrangler(text)
    parsed.set(folder, { text, config })
    return config
  }

  const learn = (worker: string, text: string): void => {
    const known = codes.get(worker)
    if (known?.text !== text) codes.set(worker, { edition: (known?.edition ?? 0) + 1, text, before: known?.text })
  }

  const worker = (config: Wrangler, env: Readonly<Record<string, string>>): WorkerOptions => {
    const options = workerOf(
      config, [{ type: 'ESModule', path: 'shell.js', contents: shellOf(config) }], { ...config.vars, ...env },
    )
    return {
      ...options,
      queueProducers: {},
      queueConsumers: {},
      unsafeUseModuleFallbackService: true,
      serviceBindings: {
        ...options.serviceBindings,
        UNITGRAPH_CODE: async () => new Answer(nameOf(config.name, codes.get(config.name)?.edition ?? 0)),
        UNITGRAPH_QUEUES: take,
      },
    } as WorkerOptions
  }

  /** What a Worker adds to a queue. */
  const take = async (request: { json(): Promise<unknown> }): Promise<Answer> => {
    const { queue, messages } = (await request.json()) as { queue: string; messages: Sent[] }
    await queues.add(queue, messages)
    return new Answer(null, { status: 204 })
  }

  const fallback = async (request: { url: string }): Promise<Answer> => {
    const name = new URL(request.url).searchParams.get('specifier') ?? ''
    const [, worker = '', edition] = name.split('/')
    const code = codes.get(worker)
    const text = code && (String(code.edition) === edition ? code.text : code.before)
    if (text === undefined) return new Answer(null, { status: 404 })
    return Answer.json({ name: name.slice(1), esModule: text })
  }

  const options = (workers: WorkerOptions[]): MiniflareOptions => ({
    host: '127.0.0.1',
    port: 0,
    workers,
    unsafeModuleFallbackService: fallback as never,
    log: new Log(LogLevel.ERROR),
    handleRuntimeStdio: (...streams: unknown[]) => void linesOf(streams as AsyncIterable<Uint8Array>[], say),
    d1Persist: join(opening.data, 'd1'), kvPersist: join(opening.data, 'kv'), r2Persist: join(opening.data, 'r2'),
    durableObjectsPersist: join(opening.data, 'objects'), cachePersist: join(opening.data, 'cache'),
  } as MiniflareOptions)

  const configure = async (workers: WorkerOptions[]): Promise<void> => {
    try {
      if (miniflare) await miniflare.setOptions(options(workers))
      else miniflare = new Miniflare(options(workers))
      address = (await miniflare.ready).origin
    } catch (error) {
      configured = ''
      throw new Refused(error instanceof Error ? error.message : String(error))
    }
  }

  const migrate = async (found: readonly { folder: string; config: Wrangler }[]): Promise<void> => {
    try {
      const applied = miniflare ? await migrateAll(miniflare, found) : []
      if (applied.length > 0) say(`Migrations were applied: ${applied.join(', ')}`)
    } catch (error) {
      throw new Refused(`A migration could not be applied: ${error instanceof Error ? error.message : String(error)}`)
    }
  }

  const unitOf = async (worker: string): Promise<Unit> => {
    if (!miniflare) throw new Error('There is no version that runs')
    return (await miniflare.getWorker(worker)) as unknown as Unit
  }

  /** The server unit keeps to its own schedules. */
  const isBeside = ({ unit }: Task): boolean => unit === current?.server?.name
  const clock = createClock(() => (current?.tasks ?? []).filter((task) => !isBeside(task)), (task) => void run(task).catch((error: unknown) => say(String(error))))
  const run = async (task: Task): Promise<void> => {
    const { outcome } = await (await unitOf(task.unit)).scheduled({ cron: task.cron, scheduledTime: new Date() })
    if (outcome !== 'ok') throw new Error(`The task ${task.name} failed (${outcome}); its log line says why`)
  }

  return {
    get address() {
      return address
    },
    swap: async (version) => {
      const found = foldersOf(version.folder).map((folder) => ({ folder, config: configOf(folder) }))
      const env = { ...version.env, ...(await beside.swap(version)) }
      const use = (): void => {
        for (const { folder, config } of found) learn(config.name, read(join(folder, config.main)))
        current = version
      }
      const wanted = JSON.stringify([found.map(({ config }) => config), env])
      if (wanted !== configured) {
        const workers = found.map(({ config }) => worker(config, env))
        await gate.closed(() => queues.paused(async () => {
          if (address !== undefined) {
            gate.endHeld(address)
            await gate.idle(address, LINGER_MS)
          }
          configured = wanted
          use()
          await configure(workers)
          queues.configure(found.flatMap(({ config }) =>
            (config.queues?.consumers ?? []).map((consumer) => ({ ...consumer, worker: config.name }))))
        }))
      } else use()
      await migrate(found)
      clock.start()
      await beside.tidy()
    },
    fire: async (fired: Fired) => {
      if (!current) throw new Error('There is no version that runs')
      const found = firedOf(current, fired)
      if ('task' in found) return isBeside(found.task) ? beside.fire(fired) : run(found.task)
      await queues.add(found.queue, [{ type: 'json', body: fired.data }])
    },
    mapOf: (file) => {
      const [worker = '', edition, ...rest] = file.split('/')
      const isNow = String(codes.get(worker)?.edition) === edition && rest.join('/') === 'index.js'
      return isNow && current ? read(join(current.folder, 'units', worker, 'index.js.map')) : beside.mapOf(file)
    },
    end: async () => {
      clock.stop()
      await beside.end()
      await miniflare?.dispose()
      await queues.close()
    },
  }
}
