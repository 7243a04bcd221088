/**
 * The server unit beside Workers: a process, at an address that stays, with queues to pull from. What keeps it from
 * running keeps no Worker from it.
 */
import { join } from 'node:path'
import { createAccount, type Account } from './account.ts'
import { forward, headersFor } from './forward.ts'
import type { Gate } from './gate.ts'
import type { Jobs } from './jobs.ts'
import { createProcess, type Ended } from './process.ts'
import { handlers, upgrade } from './sockets.ts'
import { Refused, type Fired, type Opening, type Version } from './words.ts'

export interface Beside {
  /** What Workers are told of it; nothing where there is none. */
  swap(version: Version): Promise<Readonly<Record<string, string>>>
  /** Ends what no version has that runs. */
  tidy(): Promise<void>
  fire(fired: Fired): Promise<void>
  mapOf(file: string): string | undefined
  end(): Promise<void>
}

interface Listening {
  readonly port: number
  upgrade(request: Request, options: object): boolean
  stop(now: boolean): unknown
}

declare const Bun: {
  serve(options: {
    hostname: string
    port: number
    idleTimeout: number
    fetch: (request: Request, server: Listening) => Promise<Response | undefined>
    websocket: object
  }): Listening
}

export const createBeside = (opening: Opening, gate: Gate, jobs: Jobs, say: (line: string) => void, ended: Ended): Beside => {
  const fault = (error: unknown): void => say(`What the server unit had of queues comes later: ${String(error)}`)
  const units = createProcess({ ...opening, data: join(opening.data, 'server') }, gate, say, ended, {
    main: 'index.js',
    gone: ({ env }, wasMeant) => void account?.gone(env, wasMeant).catch(fault),
  })
  let account: Account | undefined
  let mark: string | undefined
  let listening: Listening | undefined

  const answer = async (request: Request, server: Listening): Promise<Response | undefined> => {
    const { address } = units
    if (address === undefined) return new Response('The server unit does not run', { status: 503 })
    if (request.headers.get('upgrade')?.toLowerCase() === 'websocket' && (await upgrade(request, address, gate, server))) return undefined
    const done = gate.enter(address)
    try {
      return await forward(request, address, done, headersFor(request))
    } catch {
      done()
      return new Response('The server unit does not answer', { status: 502 })
    }
  }

  return {
    swap: async (version) => {
      const { server } = version
      const queues = server?.queues ?? {}
      if (Object.keys(queues).length > 0) account ??= createAccount(jobs)
      account?.configure(queues)
      if (!server) {
        mark = undefined
        return {}
      }
      listening ??= Bun.serve({ hostname: '127.0.0.1', port: 0, idleTimeout: 0, fetch: answer, websocket: handlers })
      // one that has ended by itself is tried again with every edit
      if (mark !== server.mark || units.address === undefined) {
        mark = server.mark
        const env = account?.admit(server.env) ?? server.env
        const tasks = version.tasks.filter(({ unit }) => unit === server.name)
        try {
          await units.swap({ folder: server.folder, env, tasks, queues: {} })
          account?.serves(env)
        } catch (error) {
          const said = error instanceof Refused ? error.said : []
          say(`${server.name} does not run: ${[error instanceof Error ? error.message : String(error), ...said].join('\n    ')}`)
        }
      }
      return { [server.variable]: `http://127.0.0.1:${listening.port}` }
    },
    tidy: async () => {
      if (mark === undefined) await units.end()
    },
    fire: (fired) => units.fire(fired),
    mapOf: (file) => units.mapOf(file),
    end: async () => {
      account?.rest()
      await units.end()
      await account?.stop()
      await listening?.stop(true)
    },
  }
}
