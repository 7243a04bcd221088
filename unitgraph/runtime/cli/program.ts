/** A program as a tree of commands, made of what the wirings say. Knows no arguments and calls nothing. */
import type { CliOption, CliRender } from '../types/cli.ts'
import type { Middleware } from '../types/middleware.ts'

/** What a command, or a whole program, says of itself. */
export interface Said {
  readonly title?: string
  readonly description?: string
  readonly parameters?: string
  readonly options?: Readonly<Record<string, CliOption>>
  readonly render?: CliRender
  readonly middleware?: readonly Middleware[]
  readonly isDefault?: boolean
  readonly tags?: readonly string[]
}

export interface CommandEntry {
  readonly path: readonly string[]
  readonly function?: string
  readonly said?: Said
  /** Of its function, for the help of a command that says none. */
  readonly title?: string
  readonly description?: string
  /** What the function takes as true or false: an option of such a name has no value after it. */
  readonly flags?: readonly string[]
}

export interface ProgramEntry {
  readonly program: string
  readonly said: Said
  readonly commands: readonly CommandEntry[]
  /** Where it is offered over a channel, if it is. */
  readonly route?: string
}

export interface Option extends CliOption {
  readonly name: string
  readonly isFlag: boolean
}

export interface Parameter {
  readonly name: string
  readonly isRequired: boolean
  readonly isRest: boolean
}

export interface Command {
  readonly path: readonly string[]
  readonly function: string | undefined
  readonly title: string | undefined
  readonly description: string | undefined
  readonly parameters: readonly Parameter[]
  /** Its own and those of what it lies in. */
  readonly options: readonly Option[]
  readonly render: CliRender | undefined
  /** Outermost first. */
  readonly middleware: readonly Middleware[]
  readonly tags: readonly string[]
  readonly isDefault: boolean
  readonly commands: Map<string, Command>
  /** Where its program is offered over a channel, if it is. */
  readonly route: string | undefined
}

/** As it is typed: `dryRun` is `--dry-run`. */
export const typed = (name: string): string => name.replace(/([a-z0-9])([A-Z])/g, '$1-$2').toLowerCase()

/** `<file> [out] [rest...]` */
export const parametersOf = (text = ''): Parameter[] =>
  text.split(/\s+/).filter(Boolean).map((word) => {
    const [, open, name, rest] = /^([<[])([\w-]+)(\.\.\.)?[\]>]$/.exec(word) ?? []
    if (!name || word.at(-1) !== (open === '<' ? '>' : ']')) throw new Error(`${word} is no parameter: write <name>, [name] or [name...]`)
    return { name, isRequired: open === '<', isRest: rest !== undefined }
  })

const optionsOf = (said: Said, flags: readonly string[]): Option[] =>
  Object.entries(said.options ?? {}).map(([name, option]) => ({
    ...option, name, isFlag: !option.array && (typeof option.default === 'boolean' || flags.includes(name)),
  }))

const commandOf = (entry: CommandEntry, outer: Command | undefined, route = outer?.route): Command => {
  const said = entry.said ?? {}
  const own = optionsOf(said, entry.flags ?? [])
  const hidden = new Set(own.map(({ name }) => name))
  const inherited = (outer?.options ?? []).filter(({ name }) => !hidden.has(name))
    // what only the function of an inner command knows
    .map((option) => (entry.flags?.includes(option.name) && !option.array ? { ...option, isFlag: true } : option))
  return {
    path: entry.path, function: entry.function, title: said.title ?? entry.title,
    description: said.description ?? entry.description, parameters: parametersOf(said.parameters),
    options: [...own, ...inherited], render: said.render ?? outer?.render,
    middleware: [...(outer?.middleware ?? []), ...(said.middleware ?? [])],
    tags: [...(outer?.tags ?? []), ...(said.tags ?? [])], isDefault: said.isDefault ?? false, commands: new Map(), route,
  }
}

/** The program itself, with its commands in it. An entry stands behind the one that it lies in. */
export const programOf = ({ program, said, commands, route }: ProgramEntry): Command => {
  const root = commandOf({ path: [program], said: { ...said, isDefault: false } }, undefined, route)
  for (const entry of commands) {
    let outer = root
    for (const word of entry.path.slice(0, -1)) {
      const inner = outer.commands.get(word)
      if (!inner) throw new Error(`${entry.path.join(' ')} lies in no command ${word}`)
      outer = inner
    }
    outer.commands.set(entry.path.at(-1) ?? '', commandOf({ ...entry, path: [program, ...entry.path] }, outer))
  }
  return root
}
