/** What the page is told, as JSON has it. Types only. */
import type { GraphView as Graph } from '../api.ts'
import type { RunView, StepView, Summary } from '../view.ts'

type Told<T> = T extends Date ? string : T extends readonly (infer I)[] ? readonly Told<I>[] : T extends object ? { readonly [K in keyof T]: Told<T[K]> } : T

export type Run = Told<RunView>
export type Step = Told<StepView>
export type Row = Told<Summary>
export type GraphView = Graph

export interface Page {
  readonly runs: readonly Row[]
  readonly next: string | null
}

/** What is asked of the list; all of it is in the address. */
export interface Filters {
  readonly text: string
  readonly name: string
  readonly status: string
  readonly since: string
}
