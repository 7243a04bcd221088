/** `#pikku/cli`: a command line over the same functions. */
import type { AnyFunction, OutputOf } from './function.js'
import type { Middleware } from './middleware.js'
import type { Services } from './services.js'
import type { Wire } from './wire.js'

export type CliRender<Data = never> = (services: Services, data: Data, wire: Wire) => void | Promise<void>

export interface CliOption {
  description?: string
  short?: string
  default?: unknown
  required?: boolean
  choices?: readonly unknown[]
  array?: boolean
}

export interface CliCommand<F extends AnyFunction = AnyFunction> {
  func?: F
  /** `<file> [out]` */
  parameters?: string
  title?: string
  description?: string
  options?: Readonly<Record<string, CliOption>>
  render?: CliRender<OutputOf<F>>
  middleware?: readonly Middleware[]
  subcommands?: Readonly<Record<string, CliCommand | AnyFunction>>
  isDefault?: boolean
}

export interface Cli {
  program: string
  description?: string
  commands: Readonly<Record<string, CliCommand | AnyFunction>>
  options?: Readonly<Record<string, CliOption>>
  render?: CliRender<never>
  middleware?: readonly Middleware[]
  tags?: readonly string[]
}

export declare function pikkuCLICommand<F extends AnyFunction>(command: CliCommand<F>): CliCommand
export declare function pikkuCLIRender<Data = unknown>(render: CliRender<Data>): CliRender<Data>
export declare function wireCLI(cli: Cli): void
