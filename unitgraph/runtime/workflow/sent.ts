/** What people and other systems send to a run: decisions and events. Knows runs, not who may. */
import { BadRequestError, ConflictError } from '../core/errors.ts'
import type { Run } from './run.ts'
import type { Runs } from './runs.ts'
import { readValue, writeValue } from './values.ts'
import { approvalType, eventType } from './wire.ts'

export type Data = Readonly<Record<string, unknown>>

export const text = (data: Data, name: string): string | undefined => {
  const value = data[name]
  if (value === undefined || typeof value === 'string') return value
  throw new BadRequestError(`${name} is a text`)
}

/** The approval that is meant: the one that is named, or the only one that waits. */
const approvalKey = ({ journal }: Run, named: string | undefined): string => {
  if (named !== undefined) return named
  const approvals = journal.filter(({ kind }) => kind === 'approval')
  const done = new Set(approvals.filter(({ phase }) => phase === 'done').map(({ key }) => key))
  const open = [...new Set(approvals.map(({ key }) => key))].filter((key) => !done.has(key))
  // who decides second is told of the first
  const meant = open.length === 0 && done.size === 1 ? [...done] : open
  if (meant.length === 1) return meant[0] as string
  throw new ConflictError(open.length === 0 ? 'Nothing waits for an approval: name its step' : 'Several approvals wait: name the step')
}

/** `data`: `approved`, and `step`, `reason`, `data` as they may be. Throws for what can't be meant or comes too late. */
export const decide = async (runs: Runs, run: Run, data: Data, by: string | null): Promise<{ step: string; approved: boolean }> => {
  const { approved } = data
  if (typeof approved !== 'boolean') throw new BadRequestError('approved is true or false')
  const key = approvalKey(run, text(data, 'step'))
  const answer = await runs.deliver(run.head.id, {
    messageId: approvalType(key), type: approvalType(key), by, key,
    payload: writeValue({ approved, reason: text(data, 'reason'), data: data['data'] }),
  })
  if (answer.is === 'delivered') return { step: key, approved }
  if (answer.is === 'duplicate') {
    throw new ConflictError('It was decided before', { data: { ...(readValue(answer.first.payload) as object), by: answer.first.by } })
  }
  throw new ConflictError('It is too late: the step is over')
}

/** `data`: `event`, and `data`, `id` as they may be. An id that came before is the same event. */
export const send = async (runs: Runs, run: Run, data: Data, by: string | null): Promise<{ event: string; isDuplicate: boolean }> => {
  const name = text(data, 'event')
  if (!name) throw new BadRequestError('event is the event\'s name')
  const messageId = `event ${text(data, 'id') ?? crypto.randomUUID()}`
  const answer = await runs.deliver(run.head.id, { messageId, type: eventType(name), payload: writeValue(data['data']), by })
  if (answer.is === 'late') throw new ConflictError('The run has ended')
  return { event: name, isDuplicate: answer.is === 'duplicate' }
}
