/** All units in one process of Bun. A new version starts beside the one before, which goes once it has answered all. */
import type { Gate } from './gate.ts'
import { linesOf, type Lines } from './lines.ts'
import { createTexts } from './texts.ts'
import { firedOf, Refused, type Fired, type Opening, type Place, type Version } from './words.ts'

/** How long an old version may take for the requests that it has, and then for its jobs. */
const LINGER_MS = 10_000
const END_MS = 8000
/** How long a version may take until it listens. */
const START_MS = 30_000
/** What ends sooner after its start would only end again. */
const LIVED_MS = 2000

interface Child {
  readonly exited: Promise<number>
  readonly stdout: ReadableStream<Uint8Array>
  readonly stderr: ReadableStream<Uint8Array>
  send(message: unknown): void
  kill(signal: string): void
}

interface Running {
  readonly child: Child
  readonly version: Version
  readonly lines: Lines
  readonly startedMs: number
  address: string
  isGoing: boolean
  readonly asked: Map<number, (problem: string | undefined) => void>
}

/** What a version's process has left when it has ended; `wasMeant`: it was told to. */
export type Gone = (version: Version, wasMeant: boolean) => void

export type Ended = (why: string, said: readonly string[]) => void

declare const Bun: {
  spawn(command: string[], options: {
    cwd: string
    env: Record<string, string>
    stdin: 'ignore'
    stdout: 'pipe'
    stderr: 'pipe'
    ipc: (message: FromUnits) => void
  }): Child
}
declare const process: { readonly execPath: string }

type FromUnits =
  | { readonly is: 'listening'; readonly port: number }
  | { readonly is: 'fired'; readonly id: number; readonly problem?: string }

/** `main` is the first module of what is built, in a version's folder. */
export const createProcess = (
  opening: Opening, gate: Gate, say: (line: string) => void, ended: Ended, { main = 'main.js', gone }: { main?: string; gone?: Gone } = {},
): Place => {
  const read = createTexts()
  let current: Running | undefined
  const all = new Set<Running>()
  let ids = 0

  /** Resolves once it listens; throws Refused where it ends before. */
  const start = (version: Version): Promise<Running> =>
    new Promise((resolve, reject) => {
      const asked: Running['asked'] = new Map()
      const child = Bun.spawn(
        [process.execPath, '--no-env-file', '--config=/dev/null', `${import.meta.dir}/units.ts`, `${version.folder}/${main}`],
        {
          cwd: opening.root, stdin: 'ignore', stdout: 'pipe', stderr: 'pipe',
          env: { ...version.env, PORT: '0', HOST: '127.0.0.1', UNITGRAPH_DATA: opening.data },
          ipc: (message) => {
            if (message.is === 'listening') {
              clearTimeout(late)
              running.address = `http://127.0.0.1:${message.port}`
              resolve(running)
            } else asked.get(message.id)?.(message.problem)
          },
        },
      )
      const late = setTimeout(() => {
        reject(new Refused(`It doesn't listen after ${START_MS / 1000} s`, []))
        child.kill('SIGKILL')
      }, START_MS)
      const lines = linesOf([child.stdout, child.stderr], say)
      const running: Running = { child, version, lines, startedMs: Date.now(), address: '', isGoing: false, asked }
      all.add(running)
      void child.exited.then(async (status) => {
        clearTimeout(late)
        all.delete(running)
        gone?.(version, running.isGoing)
        for (const settle of asked.values()) settle('the process has ended')
        const said = await lines.last()
        const why = `The process ended with status ${status}`
        if (running.address === '') reject(new Refused(`${why} before it listened`, said))
        else if (!running.isGoing && current === running) lost(running, why, said)
      })
    })

  /** What ended by itself starts again once, where it had lived for a while. */
  const lost = (running: Running, why: string, said: readonly string[]): void => {
    current = undefined
    ended(why, said)
    if (Date.now() - running.startedMs < LIVED_MS) return
    gate.closed(async () => {
      if (current !== undefined) return
      const started = await start(running.version)
      // an edit may have been quicker
      if (current === undefined) current = started
      else void retire(started)
    }).catch((error: unknown) => ended(`${why}, and did so again`, error instanceof Refused ? error.said : []))
  }

  const retire = async (running: Running): Promise<void> => {
    running.isGoing = true
    gate.endHeld(running.address)
    await gate.idle(running.address, LINGER_MS)
    running.child.kill('SIGTERM')
    const timer = setTimeout(() => running.child.kill('SIGKILL'), END_MS)
    await running.child.exited
    clearTimeout(timer)
  }

  return {
    get address() {
      return current?.address
    },
    swap: async (version) => {
      const started = await start(version)
      const before = current
      current = started
      if (before) void retire(before)
    },
    fire: (fired: Fired) =>
      new Promise((resolve, reject) => {
        if (!current) return reject(new Error('There is no version that runs'))
        const found = firedOf(current.version, fired)
        const id = (ids += 1)
        const { asked, child } = current
        asked.set(id, (problem) => {
          asked.delete(id)
          if (problem === undefined) resolve()
          else reject(new Error(problem))
        })
        const what = 'task' in found ? { task: found.task.name, unit: found.task.unit } : { queue: fired.name, data: fired.data }
        child.send({ do: 'fire', id, ...what })
      }),
    mapOf: (file) => ([...all].some(({ version }) => file.startsWith(`${version.folder}/`)) ? read(`${file}.map`) : undefined),
    end: async () => {
      current = undefined
      await Promise.all([...all].map(async (running) => {
        running.isGoing = true
        running.child.kill('SIGTERM')
        const timer = setTimeout(() => running.child.kill('SIGKILL'), END_MS)
        await running.child.exited
        clearTimeout(timer)
      }))
    },
  }
}
