/** What can be asked of an agent besides running it: going on, deciding, looking. Each for the one whose run it is. */
import type { LanguageModel } from 'ai'
import { BadRequestError, ConflictError, ForbiddenError, GoneError, NotFoundError } from '../core/errors.ts'
import { granted } from '../core/permissions.ts'
import type { AgentDecision, AgentOutput } from '../types/agent.ts'
import type { Work } from './given.ts'
import { goOn, outputOfRun } from './run.ts'
import { approvalsOf, readState, writeState, type State } from './state.ts'
import type { Run } from './store.ts'

const MOST_THREADS = 100
const MOST_MESSAGES = 500
const ATTEMPTS = 5

type Fields = Readonly<Record<string, unknown>>
type ModelOf = () => Promise<LanguageModel>
export type Operation = (work: Work, data: Fields, model: ModelOf) => Promise<unknown>

export const idIn = (data: Fields, name: string): string => {
  const id = data[name]
  if (typeof id !== 'string' || id === '' || id.length > 128) throw new BadRequestError(`${name} is missing or no text of at most 128 characters`)
  return id
}

/** What a permission is asked about is what the run was asked for. */
const find = async (work: Work, data: Fields): Promise<{ run: Run; state: State }> => {
  const run = await work.store.run(work.of, idIn(data, 'runId'))
  if (!run) throw new NotFoundError('There is no such run')
  const state = readState(run.state)
  const { permissions } = work.options
  if (!(await granted(permissions as never, work.services, state.input, work.wire))) throw new ForbiddenError()
  if (run.status !== 'suspended' || run.expiresMs === null || run.expiresMs > Date.now()) return { run, state }
  await work.store.advance(run, { status: 'expired', leaseMs: 0, expiresMs: null, state: run.state }, [])
  return { run: { ...run, status: 'expired' }, state }
}

const decisionsIn = (data: Fields): readonly AgentDecision[] => {
  const { decisions } = data
  if (!Array.isArray(decisions) || decisions.length === 0) throw new BadRequestError('decisions is a list of { approvalId, approved, reason? }')
  return decisions.map((given: unknown) => {
    const { approvalId, approved, reason } = (given ?? {}) as Partial<AgentDecision>
    if (typeof approvalId !== 'string' || typeof approved !== 'boolean' || (reason !== undefined && typeof reason !== 'string')) {
      throw new BadRequestError('decisions is a list of { approvalId, approved, reason? }')
    }
    return { approvalId, approved, ...(reason !== undefined && { reason: reason.slice(0, 1000) }) }
  })
}

/** The decisions with those before them, which stay as they are: another one of the same is told what was decided. */
const decided = (state: State, decisions: readonly AgentDecision[]): State => {
  const known = new Set(state.waiting.flatMap(({ approvals }) => approvals.map(({ approvalId }) => approvalId)))
  const all = { ...state.decisions }
  for (const { approvalId, approved, reason } of decisions) {
    if (!known.has(approvalId)) throw new NotFoundError(`Nothing of this run waits for the approval ${approvalId}`)
    const before = Object.hasOwn(all, approvalId) ? all[approvalId] : undefined
    if (before && before.approved !== approved) {
      throw new ConflictError('It was decided otherwise already', { data: { approvalId, approved: before.approved } })
    }
    all[approvalId] = before ?? { approved, ...(reason !== undefined && { reason }) }
  }
  return { ...state, decisions: all }
}

const approve: Operation = async (work, data, model) => {
  const decisions = decisionsIn(data)
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const { run, state } = await find(work, data)
    if (run.status === 'expired') throw new GoneError('The time for approvals is over')
    if (run.status !== 'suspended') throw new ConflictError('This run waits for no approval', { data: { status: run.status } })
    const next = decided(state, decisions)
    if (approvalsOf(next).length === 0) {
      const found = await model()
      return goOn(work, run, next, found)
    }
    const change = { status: run.status, leaseMs: 0, expiresMs: run.expiresMs, state: writeState(next) }
    if (await work.store.advance(run, change, [])) return outputOfRun(work, { ...run, ...change })
  }
  throw new ConflictError('Others decide about this run at the same time')
}

/** Goes on with what was broken off; of a run that ended or waits, it says how things are. */
const resume: Operation = async (work, data, model) => {
  if (data['decisions'] !== undefined) return approve(work, data, model)
  const { run, state } = await find(work, data)
  if (run.status === 'running' && run.leaseMs > Date.now()) throw new ConflictError('This run is under way')
  if (run.status === 'running' || run.status === 'failed') return goOn(work, run, state, await model())
  return outputOfRun(work, run)
}

const status: Operation = async (work, data) => outputOfRun(work, (await find(work, data)).run) satisfies AgentOutput

const iso = (ms: number): string => new Date(ms).toISOString()

const threads: Operation = async (work, { resourceId }) => {
  const found = await work.store.threads(work.of, typeof resourceId === 'string' ? resourceId : undefined, MOST_THREADS)
  return found.map(({ id, title, resourceId: resource, createdMs, updatedMs }) => ({
    threadId: id, title, ...(resource !== null && { resourceId: resource }), createdAt: iso(createdMs), updatedAt: iso(updatedMs),
  }))
}

const thread: Operation = async (work, data) => {
  const id = idIn(data, 'threadId')
  const found = await work.store.thread(work.of, id)
  if (!found) throw new NotFoundError('There is no such thread')
  const messages = await work.store.messages(work.of, id, 0, MOST_MESSAGES)
  return {
    threadId: id, title: found.title,
    messages: messages.map(({ message: { role, content }, createdMs }) => ({ role, content, createdAt: iso(createdMs) })),
  }
}

const forget: Operation = async (work, data) => {
  if (!(await work.store.deleteThread(work.of, idIn(data, 'threadId')))) throw new NotFoundError('There is no such thread')
}

/** By the name that follows the agent's: `bookseller.approve`. */
export const OPERATIONS: Readonly<Record<string, Operation>> = { approve, resume, status, threads, thread, forget }
