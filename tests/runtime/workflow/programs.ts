/** Workflows made by chance: a program is data, so that a run's input says what it does. */
import type { WorkflowWire } from '../../../unitgraph/runtime/types/workflow.ts'

export type Op =
  | { readonly is: 'call'; readonly name: string; readonly fails: number; readonly gives: number; readonly takesMs: number; readonly compensate?: boolean; readonly once?: boolean }
  | { readonly is: 'inline'; readonly name: string; readonly gives: number; readonly compensate?: boolean }
  | { readonly is: 'sleep'; readonly name: string; readonly ms: number }
  | { readonly is: 'approval'; readonly name: string; readonly ms: number }
  | { readonly is: 'event'; readonly name: string; readonly event: string; readonly ms: number }
  | { readonly is: 'child'; readonly name: string; readonly ops: readonly Op[]; readonly tidies: boolean }
  | { readonly is: 'all'; readonly name: string; readonly branches: readonly (readonly Op[])[] }
  | { readonly is: 'chance'; readonly name: string }
  | { readonly is: 'fail'; readonly name: string; readonly undo: boolean }

export interface Program {
  readonly ops: readonly Op[]
  /** Does something more when it fails. */
  readonly tidies: boolean
}

/** Each must come back as what it was. */
export const VALUES: readonly unknown[] = [0, false, '', null, undefined, 'text', { a: [1, { b: new Date(7) }] }]

const pick = <T>(random: () => number, from: readonly T[]): T => from[Math.floor(random() * from.length)] as T
const between = (random: () => number, least: number, most: number): number => least + Math.floor(random() * (most - least + 1))

/** Names are the program's own: a step is found by its name alone. */
export const makeProgram = (random: () => number, prefix = 's'): Program => {
  const isTop = prefix === 's'
  let count = 0
  const name = (): string => `${prefix}${(count += 1)}`
  const op = (depth: number): Op => {
    const kinds = ['call', 'call', 'call', 'inline', 'sleep', 'event', 'approval', 'chance', ...(depth < 2 ? ['all', 'child', 'child'] : ['event', 'event'])] as const
    const is = pick(random, kinds) as Op['is']
    const gives = between(random, 0, VALUES.length - 1)
    const compensate = random() < 0.4 ? { compensate: true } : {}
    switch (is) {
      case 'call': return { is, name: name(), fails: pick(random, [0, 0, 1, 2]), gives, takesMs: pick(random, [100, 100, 300, 300, 300, 20_000]), ...(random() < 0.2 ? { fails: 0, once: true } : compensate) }
      case 'inline': return { is, name: name(), gives, ...compensate }
      case 'sleep': return { is, name: name(), ms: pick(random, [0, 10, 700, 5000, 60_000, 200_000]) }
      case 'approval': return { is, name: name(), ms: pick(random, [500, 20_000, 200_000]) }
      case 'event': return { is, name: name(), event: pick(random, ['paid', 'paid', 'sent']), ms: pick(random, [900, 30_000]) }
      case 'child': return { is, name: name(), ...makeProgram(random, `${prefix}c`) }
      case 'all': return { is, name: name(), branches: Array.from({ length: between(random, 2, 3) }, () => some(depth + 1, 2)) }
      default: return { is: 'chance', name: name() }
    }
  }
  const some = (depth: number, most: number): Op[] => Array.from({ length: between(random, 1, most) }, () => op(depth))
  const made = some(isTop ? 0 : 1, isTop ? 5 : 2)
  const ops = isTop && random() < 0.3 ? [...made, { is: 'fail' as const, name: name(), undo: random() < 0.5 }] : made
  return { ops, tidies: random() < 0.5 }
}

/** What a step does here: `work` writes that it began, and gives what its program says. */
export type Work = (name: string, gives: unknown) => Promise<unknown>

export const interpret = async (workflow: WorkflowWire, { ops, tidies }: Program, work: Work): Promise<unknown[]> => {
  const one = async (op: Op): Promise<unknown> => {
    const undo = 'compensate' in op && op.compensate ? { compensate: 'undo' as never } : {}
    switch (op.is) {
      case 'call':
        return workflow.do(op.name, 'work' as never, { gives: op.gives, fails: op.fails, takesMs: op.takesMs } as never, { retryDelay: 400, ...undo, ...(op.once && { once: true }) })
          .catch((error: Error) => { if (error.name !== 'StepInterruptedError') throw error; return error.name })
      case 'inline':
        return workflow.do(op.name, () => work(op.name, VALUES[op.gives]), { ...(op.compensate && { compensate: () => work(`${op.name}, compensated`, null) }) })
      case 'sleep': return workflow.sleep(op.name, op.ms)
      case 'approval': return workflow.approval(op.name, { timeout: op.ms })
      case 'event': return workflow.waitForEvent(op.name, op.event, { timeout: op.ms }).catch((error: Error) => { if (error.name !== 'WaitTimeoutError') throw error; return error.name })
      case 'child': return workflow.do(op.name, 'child' as never, { ops: op.ops, tidies: op.tidies } as never)
      case 'all': {
        const branches = op.branches.map((branch, index) => [`b${index}`, () => several(branch)] as const)
        return workflow.all(op.name, Object.fromEntries(branches))
      }
      case 'chance': return [await workflow.now(), await workflow.random(), await workflow.uuid()]
      case 'fail': return workflow.do(op.name, 'fail' as never, { name: op.name } as never, { retries: 0, ...(op.undo && { onError: 'undo' as never }) })
    }
  }
  const several = async (branch: readonly Op[]): Promise<unknown[]> => {
    const got: unknown[] = []
    for (const op of branch) got.push(await one(op))
    return got
  }
  try {
    return await several(ops)
  } catch (error) {
    if (tidies) await workflow.do('tidy', 'work' as never, {} as never, { retries: 0 }).catch(() => undefined)
    throw error
  }
}

/** All of a program's steps of a kind, with those of its branches, not of its children. */
export const stepsOf = (ops: readonly Op[]): Op[] => ops.flatMap((op) => (op.is === 'all' ? op.branches.flatMap(stepsOf) : [op]))
