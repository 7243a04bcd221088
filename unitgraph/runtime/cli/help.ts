/** What a program and its commands say of themselves, aligned. Pure. */
import { allOptions } from './parse.ts'
import { typed as typedName, type Command, type Option } from './program.ts'

const rows = (title: string, found: readonly (readonly [string, string])[]): string[] => {
  if (found.length === 0) return []
  const width = Math.max(...found.map(([name]) => name.length))
  return ['', `${title}:`, ...found.map(([name, said]) => `  ${name.padEnd(width)}  ${said}`.trimEnd())]
}

const shown = ({ name, short, isFlag, array }: Option): string =>
  `${short ? `-${short}, ` : '    '}--${typedName(name)}${isFlag ? '' : ` <value>${array ? '...' : ''}`}`

const about = ({ description = '', choices, required, default: fallback, isFlag }: Option): string => {
  const facts = [
    ...(required && fallback === undefined ? ['required'] : []),
    ...(choices ? [`one of ${choices.join(', ')}`] : []),
    ...(fallback !== undefined && !(isFlag && fallback === false) ? [`default ${isFlag ? `true, --no-… says otherwise` : String(fallback)}`] : []),
  ]
  return `${description}${facts.length > 0 ? `${description && ' '}(${facts.join('; ')})` : ''}`
}

const parameter = ({ name, isRequired, isRest }: Command['parameters'][number]): string =>
  `${isRequired ? '<' : '['}${name}${isRest ? '...' : ''}${isRequired ? '>' : ']'}`

const summary = ({ title, description = title ?? '', isDefault }: Command): string =>
  `${description.split('\n')[0]}${isDefault ? ' (default)' : ''}`.trim()

/** `typed`: what stands before the program's name. */
export const help = (command: Command, typed: string): string => {
  const { title, description, commands, parameters, path } = command
  const takes = [...(commands.size > 0 ? [command.function ? '[command]' : '<command>'] : []), '[options]', ...parameters.map(parameter)]
  return [
    ...(title ? [title] : []),
    ...(description && description !== title ? [description] : []),
    ...(title || description ? [''] : []),
    `Usage: ${typed}${path.join(' ')} ${takes.join(' ')}`,
    ...rows('Commands', [...commands].map(([name, inner]) => [name, summary(inner)] as const)),
    ...rows('Options', allOptions(command).map((option) => [shown(option), about(option)] as const)),
    '',
  ].join('\n')
}

export const helpOfAll = (programs: readonly Command[]): string =>
  ['Usage: cli <program> <command> [options]', ...rows('Programs', programs.map((one) => [one.path[0] ?? '', summary(one)] as const)), ''].join('\n')
