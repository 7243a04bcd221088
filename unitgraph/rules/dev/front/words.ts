/** What the front is told and what it tells: lines of JSON on its standard input and output. Data only. */

/** One good build: its folder, the environment of its units, and what of it can be fired. */
export interface Version {
  readonly folder: string
  readonly env: Readonly<Record<string, string>>
  /** The project's name of each queue that can be added to → the platform's. */
  readonly queues: Readonly<Record<string, string>>
  readonly tasks: readonly Task[]
  /** Where units are Workers: the unit that is a process beside them. */
  readonly server?: ServerUnit
}

export interface ServerUnit {
  readonly name: string
  readonly folder: string
  readonly env: Readonly<Record<string, string>>
  /** What Workers have its address in. */
  readonly variable: string
  /** The project's queues by the platform's names, and whether it takes from them; none where it has to do with none. */
  readonly queues: Readonly<Record<string, boolean>>
  /** The same while its code and its environment are. */
  readonly mark: string
}

export interface Task {
  readonly name: string
  readonly schedule: string
  readonly unit: string
  /** As the platform has the expression. */
  readonly cron: string
}

/** A task by its name, or a queue's with the data of a job. */
export interface Fired {
  readonly name: string
  readonly data?: unknown
}

/** What a name stands for. Throws for one that stands for nothing. */
export const firedOf = ({ tasks, queues }: Version, { name }: Fired): { task: Task } | { queue: string } => {
  const task = tasks.find((one) => one.name === name)
  if (task) return { task }
  const queue = Object.hasOwn(queues, name) ? queues[name] : undefined
  if (queue !== undefined) return { queue }
  const known = [...tasks.map((one) => one.name), ...Object.keys(queues)].sort()
  throw new Error(`Nothing is called ${JSON.stringify(name)}: there is ${known.join(', ') || 'no schedule and no queue'}`)
}

export interface Opening {
  readonly place: 'process' | 'workers'
  readonly host: string
  readonly port: number
  /** Who has it may fire tasks and jobs. */
  readonly token: string
  readonly project: string
  readonly root: string
  /** Where units keep what they keep, between runs too. */
  readonly data: string
}

export type Told =
  | { readonly do: 'swap'; readonly version: Version }
  /** What runs is good after all. */
  | { readonly do: 'mended' }
  | { readonly do: 'broken'; readonly page: string; readonly problems: readonly string[] }

export type Said =
  | { readonly is: 'listening'; readonly port: number }
  | { readonly is: 'swapped'; readonly ms: number }
  /** The version can't run; the one before goes on. */
  | { readonly is: 'refused'; readonly why: string; readonly said: readonly string[] }
  /** What was running has ended by itself. */
  | { readonly is: 'ended'; readonly why: string; readonly said: readonly string[] }
  /** A line of a unit's own. */
  | { readonly is: 'line'; readonly text: string }
  /** Nobody can listen there. */
  | { readonly is: 'taken'; readonly why: string }

/** Why a version can't run, and what it said last. */
export class Refused extends Error {
  readonly said: readonly string[]

  constructor(message: string, said: readonly string[] = []) {
    super(message)
    this.said = said
  }
}

/** Where units run. Requests go to `address`, which may change with each version. */
export interface Place {
  readonly address: string | undefined
  /** Resolves once the version answers; throws Refused, and then the one before goes on. */
  swap(version: Version): Promise<void>
  fire(fired: Fired): Promise<void>
  /** The source map of a file that a stack names; undefined where it is none of the build's. */
  mapOf(file: string): string | undefined
  end(): Promise<void>
}
