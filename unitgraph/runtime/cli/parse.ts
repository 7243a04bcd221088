/**
 * Arguments to a command and its data. Pure. Ours rather than `util.parseArgs`, which wants to know all options before
 * it knows the command, takes `-5` for options and an option for the value of the one before.
 */
import { typed, type Command, type Option } from './program.ts'

export type Parsed =
  | { readonly kind: 'run'; readonly command: Command; readonly data: Record<string, unknown>; readonly texts: readonly string[]; readonly isJson: boolean; readonly remote?: string }
  | { readonly kind: 'help'; readonly command: Command }
  | { readonly kind: 'wrong'; readonly command: Command; readonly message: string }

class Wrong extends Error {}

const wrong = (message: string): never => {
  throw new Wrong(message)
}

/** Of everybody's; a project's own of that name stands before it. */
export const STANDARD: readonly Option[] = [
  { name: 'json', isFlag: true, description: 'Prints the result as JSON.' },
  { name: 'help', short: 'h', isFlag: true, description: 'Shows this.' },
]

/** Of a program that is offered over a channel. */
const REMOTE: Option = { name: 'remote', isFlag: false, description: 'Runs where the application is, at wss://host.' }

/** The command's options and the standard ones. */
export const allOptions = ({ options, route }: Command): Option[] => {
  const names = new Set(options.map(({ name }) => name))
  const shorts = new Set(options.map(({ short }) => short))
  const standard = [...(route === undefined ? [] : [REMOTE]), ...STANDARD].filter(({ name }) => !names.has(name)).map(({ short, ...option }) =>
    short && !shorts.has(short) ? { ...option, short } : option)
  return [...options, ...standard]
}

/** How many letters have to be changed, put in or left out. */
const distance = (a: string, b: string): number => {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      next[j] = Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1))
    }
    row = next
  }
  return row[b.length] ?? 0
}

/** The nearest of the names, where one is near, as the end of a sentence. */
export const meant = (given: string, names: Iterable<string>): string => {
  const near = [...names].map((name) => [distance(given, name), name] as const).sort(([a], [b]) => a - b)[0]
  return near && near[0] <= Math.max(1, Math.floor(given.length / 3)) ? `: did you mean ${near[1]}?` : ''
}

const isNumber = (arg: string): boolean => /^-\d+(\.\d+)?$/.test(arg)
const isOption = (arg: string): boolean => arg.length > 1 && arg.startsWith('-') && !isNumber(arg)

interface Reading {
  command: Command
  readonly words: string[]
  readonly given: Map<Option, string[]>
  isOver: boolean
}

const defaultOf = (command: Command): Command | undefined =>
  command.function === undefined ? [...command.commands.values()].find(({ isDefault }) => isDefault) : undefined

const named = (command: Command, name: string): { option: Option; isNo: boolean } | undefined => {
  const options = allOptions(command)
  const find = (wanted: string) => options.find((option) => option.name === wanted || typed(option.name) === wanted)
  const option = find(name)
  if (option) return { option, isNo: false }
  const negated = name.startsWith('no-') ? find(name.slice(3)) : undefined
  return negated?.isFlag ? { option: negated, isNo: true } : undefined
}

/** Where a command isn't named, its options may be those of the default one. */
const findOption = <T>(reading: Reading, find: (command: Command) => T | undefined): T | undefined => {
  const inner = reading.words.length === 0 ? defaultOf(reading.command) : undefined
  const found = find(reading.command)
  const deeper = found === undefined && inner ? find(inner) : undefined
  if (deeper !== undefined && inner) reading.command = inner
  return found ?? deeper
}

const keep = ({ given }: Reading, option: Option, value: string): void => {
  const known = given.get(option)
  if (known && !option.array) wrong(`--${typed(option.name)} is given more than once`)
  if (known) known.push(value)
  else given.set(option, [value])
}

/** Reads the value of an option; says how many arguments it took. */
const value = (reading: Reading, option: Option, shown: string, inline: string | undefined, next: string | undefined): number => {
  if (option.isFlag) {
    if (inline !== undefined && inline !== 'true' && inline !== 'false') wrong(`${shown} is either given or not: it has no value ${inline}`)
    keep(reading, option, inline ?? 'true')
    return 0
  }
  if (inline === undefined && (next === undefined || isOption(next))) wrong(`${shown} needs a value`)
  keep(reading, option, inline ?? next ?? '')
  return inline === undefined ? 1 : 0
}

const long = (reading: Reading, arg: string, next: string | undefined): number => {
  const at = arg.indexOf('=')
  const name = arg.slice(2, at === -1 ? undefined : at)
  const inline = at === -1 ? undefined : arg.slice(at + 1)
  const found = findOption(reading, (command) => named(command, name))
  if (!found) return wrong(`There is no option --${name}${meant(name, allOptions(reading.command).map((option) => typed(option.name))).replace('mean ', 'mean --')}`)
  if (!found.isNo) return value(reading, found.option, `--${name}`, inline, next)
  if (inline !== undefined) wrong(`--${name} has no value`)
  keep(reading, found.option, 'false')
  return 0
}

/** `-v`, `-vx`, `-gpoetry`, `-g=poetry`, `-g poetry` */
const short = (reading: Reading, arg: string, next: string | undefined): number => {
  for (let index = 1; index < arg.length; index++) {
    const letter = arg[index] ?? ''
    const option = findOption(reading, (command) => allOptions(command).find((one) => one.short === letter))
    if (!option) return wrong(`There is no option -${letter}`)
    const rest = arg.slice(index + 1)
    if (!option.isFlag) return value(reading, option, `-${letter}`, rest ? rest.replace(/^=/, '') : undefined, next)
    value(reading, option, `-${letter}`, undefined, undefined)
  }
  return 0
}

const word = (reading: Reading, arg: string): void => {
  const { command, words } = reading
  const fallback = defaultOf(command)
  const takes = fallback && fallback.parameters.length > 0 ? fallback : undefined
  const inner = words.length === 0 ? command.commands.get(arg) ?? takes : undefined
  if (inner) {
    reading.command = inner
    if (command.commands.get(arg) !== inner) words.push(arg)
    return
  }
  if (command.function === undefined) wrong(`There is no command ${arg}${meant(arg, command.commands.keys())}`)
  words.push(arg)
}

/** A choice is what the project wrote, which needn't be a text. */
const chosen = (option: Option, text: string): unknown => {
  if (!option.choices) return text
  const found = option.choices.find((choice) => String(choice) === text)
  return found ?? wrong(`--${typed(option.name)} is one of ${option.choices.join(', ')}, not ${text}`)
}

const dataOf = ({ command, words, given }: Reading): Pick<Extract<Parsed, { kind: 'run' }>, 'data' | 'texts'> => {
  const data: Record<string, unknown> = {}
  const texts: string[] = []
  const set = (name: string, found: unknown, isText: boolean): void => {
    Object.defineProperty(data, name, { value: found, enumerable: true, configurable: true, writable: true })
    if (isText) texts.push(name)
  }
  for (const option of command.options) {
    const found = [...given].find(([{ name }]) => name === option.name)?.[1]
    if (!found && option.default !== undefined) set(option.name, option.default, false)
    if (!found && option.default === undefined && option.required) wrong(`--${typed(option.name)} is missing`)
    if (!found) continue
    if (option.isFlag) set(option.name, found[0] === 'true', false)
    else {
      const values = found.map((text) => chosen(option, text))
      set(option.name, option.array ? values : values[0], !option.choices)
    }
  }
  const left = [...words]
  for (const { name, isRequired, isRest } of command.parameters) {
    const found = isRest ? left.splice(0) : left.shift()
    const isThere = isRest ? (found as string[]).length > 0 : found !== undefined
    if (!isThere && isRequired) wrong(`<${name}> is missing`)
    if (isThere) set(name, found, true)
  }
  if (left.length > 0) wrong(`There is too much: ${left.join(' ')}`)
  return { data, texts }
}

export const parse = (program: Command, args: readonly string[]): Parsed => {
  const reading: Reading = { command: program, words: [], given: new Map(), isOver: false }
  const standard = (name: string): string | undefined =>
    [...reading.given].find(([option]) => option.name === name && !reading.command.options.includes(option))?.[1][0]
  try {
    for (let index = 0; index < args.length; index++) {
      const arg = args[index] ?? ''
      if (reading.isOver || !isOption(arg)) word(reading, arg)
      else if (arg === '--') reading.isOver = true
      else index += (arg.startsWith('--') ? long : short)(reading, arg, args[index + 1])
    }
    if (standard('help') === 'true') return { kind: 'help', command: reading.command }
    reading.command = defaultOf(reading.command) ?? reading.command
    if (reading.command.function === undefined) wrong('A command is missing')
    const remote = standard('remote')
    return { kind: 'run', command: reading.command, ...dataOf(reading), isJson: standard('json') === 'true', ...(remote !== undefined && { remote }) }
  } catch (error) {
    if (!(error instanceof Wrong)) throw error
    // who asks for help isn't told first what is wrong
    if (args.includes('--help')) return { kind: 'help', command: reading.command }
    return { kind: 'wrong', command: reading.command, message: error.message }
  }
}
