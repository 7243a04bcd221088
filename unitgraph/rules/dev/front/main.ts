/** The front of `dev`: keeps the port for as long as it lives, and ends with its standard input. Run by Bun. */
import { createInterface } from 'node:readline'
import { createCrashes } from './crash.ts'
import { createDesk } from './desk.ts'
import { createGate } from './gate.ts'
import { createProcess } from './process.ts'
import { createStacks } from './stacks.ts'
import { Refused, type Opening, type Place, type Said, type Told } from './words.ts'

declare const process: {
  readonly stdin: unknown
  readonly stdout: { write(text: string): unknown; on(event: 'error', listener: () => void): void }
  exit(code: number): never
  on(event: string, listener: () => void): void
}

// whoever started this was killed: its standard input says so as well, and then it ends in order
process.stdout.on('error', () => undefined)
const say = (said: Said): void => void process.stdout.write(`${JSON.stringify(said)}\n`)
const line = (text: string): void => {
  const led = stacks(text)
  crashes.hear(led)
  say({ is: 'line', text: led })
}
const ended = (why: string, said: readonly string[]): void => say({ is: 'ended', why, said: said.map(stacks) })

const gate = createGate()
const { promise: built, resolve: open } = Promise.withResolvers<void>()

const placeOf = async (opening: Opening): Promise<Place> => {
  if (opening.place === 'process') return createProcess(opening, gate, line, ended)
  // with miniflare behind it, which only that place has
  const { createWorkers } = await import('./workers.ts')
  return createWorkers(opening, gate, line, ended)
}

const told = createInterface({ input: process.stdin as never })[Symbol.asyncIterator]()
const opening = JSON.parse((await told.next()).value as string) as Opening
const stacks = createStacks((file) => place.mapOf(file))
const crashes = createCrashes(opening.root)
const place = await placeOf(opening)
// both reach a terminal's whole group; whoever started this ends it by its standard input
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => undefined)

let runsToken: string | undefined
const desk = (() => {
  try {
    return createDesk({ ...opening, runsToken: () => runsToken, pageFor: opening.place === 'workers' ? opening.project : undefined, place, gate, built, crashes })
  } catch (error) {
    say({ is: 'taken', why: error instanceof Error ? error.message : String(error) })
    return process.exit(1)
  }
})()
say({ is: 'listening', port: desk.port })

const swap = async ({ version }: Told & { do: 'swap' }): Promise<Said> => {
  const started = performance.now()
  try {
    await place.swap(version)
    runsToken = version.env['UNITGRAPH_DASHBOARD_TOKEN']
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    return { is: 'refused', why, said: error instanceof Refused ? error.said.map(stacks) : [] }
  }
  desk.show(undefined)
  return { is: 'swapped', ms: performance.now() - started }
}

for await (const text of { [Symbol.asyncIterator]: () => told }) {
  const command = JSON.parse(text) as Told
  if (command.do === 'broken') desk.show(command)
  else if (command.do === 'mended') desk.show(undefined)
  else {
    const said = await swap(command)
    say(said)
    // why it doesn't run is told next
    if (said.is === 'refused') continue
  }
  open()
}
await desk.stop()
await place.end()
process.exit(0)
