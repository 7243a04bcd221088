/** Where a workflow's code and a journal part, as data and as a sentence. Pure. */
import type { Entry, StepKind } from './run.ts'

export interface AskedStep {
  readonly key: string
  readonly kind: StepKind
  readonly fingerprint: string
  /** The stack where the code asked for it. */
  readonly stack: string
}

export interface Difference {
  readonly entry: Pick<Entry, 'seq' | 'key' | 'kind' | 'fingerprint'>
  /** What the code asks for instead; undefined: nothing. */
  readonly got: AskedStep | undefined
  /** How the code has ended, where it has. */
  readonly ended: string | undefined
}

/** Files of stack frames, with line and column; what is built in has none. */
const PLACE = /([^\s()]+):\d+:\d+\)?$/

/** The first frame that isn't the engine's: in a bundle that it shares with the code, none is told apart. */
const frameOf = (stack: string): string | undefined => {
  const frames = stack.split('\n').map((line) => line.trim()).filter((line) => PLACE.test(line))
  const fileOf = (frame: string): string | undefined => PLACE.exec(frame)?.[1]
  const own = fileOf(frames[0] ?? '')
  return frames.find((frame) => fileOf(frame) !== own && !frame.includes('/runtime/workflow/'))
}

const stepText = ({ key, kind, fingerprint }: Pick<Entry, 'key' | 'kind' | 'fingerprint'>): string =>
  `the ${kind} step ${JSON.stringify(key)} (${fingerprint || '–'})`

export const differenceText = ({ entry, got, ended }: Difference): string => {
  const what = got?.key === entry.key ? 'A step is another one than before' : 'A recorded step was never reached'
  const frame = got && frameOf(got.stack)
  const instead = got ? `the code asks for ${stepText(got)}${frame ? ` ${frame}` : ''}` : `the code ${ended ?? 'asks for nothing'}`
  return `${what}: the journal's entry ${entry.seq} is ${stepText(entry)}, ${instead}`
}
