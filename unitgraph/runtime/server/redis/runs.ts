/** Runs of workflows in Redis. The clock is the server's. Knows what scripts are told and what they answer; runs nothing. */
import { flowOf } from '../../workflow/flow.ts'
import type { Entry, Head, Message, NewEntry, NewMessage, Run } from '../../workflow/run.ts'
import type { Appended, Delivered, Started, Store } from '../../workflow/store.ts'
import type { Client } from './client.ts'
import { HEAD_FIELDS } from './run-keys.ts'
import { runScripts } from './run-scripts.ts'
import { TIME } from './scripts.ts'

/** A script has the server to itself: so much it may do at a time. */
const CLAIMED_AT_ONCE = 100
const LISTED_AT_ONCE = 500
const PURGED_AT_ONCE = 1000

type Texts = readonly (string | null)[]
type Text = string | null
type Whole = readonly [head: Texts, input: string, output: Text, error: Text, underway: Text, journal: readonly string[], inbox: readonly string[]]

const NUMBERS: ReadonlySet<string> = new Set([
  'priority', 'concurrencyLimit', 'rateLimit', 'ratePerMs', 'retentionMs', 'dueAt', 'epoch', 'leaseUntil', 'seq', 'inboxSeq', 'recoveries',
  'cancelAt', 'createdAt', 'finishedAt',
])

const headOf = (texts: Texts): Head => Object.fromEntries(HEAD_FIELDS.map((field, index) => {
  const text = texts[index] ?? null
  return [field, text !== null && NUMBERS.has(field) ? Number(text) : text]
})) as unknown as Head

const timed = <T>(text: string): T & { readonly at: number } => {
  const space = text.indexOf(' ')
  return { ...(JSON.parse(text.slice(space + 1)) as T), at: Number(text.slice(0, space)) }
}
const entriesOf = (texts: readonly string[]): Entry[] => texts.map((text, index) => ({ ...timed<NewEntry>(text), seq: index + 1 }))
const messagesOf = (texts: readonly string[], after: number): Message[] =>
  texts.map((text, index) => ({ ...timed<NewMessage>(text), n: after + index + 1 }))
const runOf = ([head, input, output, error, underway, journal, inbox]: Whole): Run =>
  ({ head: headOf(head), input, output, error, underway, journal: entriesOf(journal), inbox: messagesOf(inbox, 0) })

/** Names and values of those that have one. */
const given = (fields: object): string[] =>
  Object.entries(fields).flatMap(([name, value]) => (value === null || value === undefined ? [] : [name, String(value)]))

/** `prefix` has the hash tag of all keys; `forgets`: what a server that dies was told last may be gone. The client is its owner's to close. */
export const createRunStore = (client: Client, prefix: string, forgets: boolean, clock = TIME): Store => {
  const scripts = runScripts(clock, forgets)
  const run = (name: keyof typeof scripts, ...values: (string | number)[]): Promise<unknown> =>
    client.run(scripts[name], [`${prefix}runs:`], ...values)
  const headFrom = (answer: unknown): Head | undefined => (answer === null ? undefined : headOf(answer as Texts))

  return {
    start: async (made, lease) => {
      const { id, name, version, input, delayMs = 0, parentId, parentKey, principal, traceparent } = made
      const rest = given({ ...flowOf(made), version, parentId, parentKey, principal, traceparent })
      const answer = await run('start', id, name, delayMs, input, lease?.worker ?? '', lease?.ttlMs ?? 0, ...rest)
      const [is, found, now] = answer as [Started['is'], unknown, string]
      return is === 'started' ? { is, run: runOf(found as Whole), now: Number(now) } : { is, head: headOf(found as Texts) }
    },
    claim: async ({ worker, ttlMs, versions, count }) => {
      const answer = await run('claim', worker, ttlMs, Math.min(count, CLAIMED_AT_ONCE), ...Object.entries(versions).flat())
      const [now, next, runs] = answer as [string, string, Whole[]]
      return { runs: runs.map(runOf), now: Number(now), nextAt: next === '' ? null : Number(next) }
    },
    isHeld: async (id, epoch) => (await run('isHeld', id, epoch)) === 1,
    append: async ({ id, epoch, fromSeq, entries, change = {}, seen, version = '' }) => {
      const { status = 'running', dueAt, output, error, reason } = change
      const answer = await run(
        'append', id, epoch, fromSeq, seen ?? -1, status, dueAt ?? '', reason === undefined ? 0 : 1, reason ?? '',
        version, entries.length, ...entries.flatMap((entry) => [entry.phase === 'done' ? entry.key : '', JSON.stringify(entry)]), ...given({ output, error }),
      )
      const [is, said, cancelAt] = answer as [Appended['is'] | 'said', string, string | null]
      if (is === 'said') throw new Error(`The step ${said} has its last word`)
      return is === 'ok' ? { is, now: Number(said), cancelAt: cancelAt === null ? null : Number(cancelAt) } : { is }
    },
    note: async (id, epoch, underway) => void (await run('note', id, epoch, underway)),
    renew: async ({ worker, ttlMs }, ids) => {
      const [now, lost, cancelled] = (await run('renew', worker, ttlMs, ...ids)) as [string, string[], string[]]
      return { now: Number(now), lost, cancelled }
    },
    release: async (worker) => void (await run('release', worker)),
    deliver: async (id, message) => {
      const answer = await run('deliver', id, message.messageId, JSON.stringify(message), message.key ?? '')
      const [is, found, text] = answer as [Delivered['is'], unknown, string]
      if (is === 'duplicate') return { is, first: { ...timed<NewMessage>(text), n: Number(found) } }
      return is === 'late' ? { is, head: headOf(found as Texts) } : { is }
    },
    inbox: async (id, after) => messagesOf((await run('inbox', id, after)) as string[], after),
    load: async (id) => {
      const found = (await run('load', id)) as Whole | null
      return found === null ? undefined : runOf(found)
    },
    list: async ({ name = '', status = '', since = '', text = '', before, limit }) => {
      const heads: Head[] = []
      let from: readonly (string | number)[] | undefined = before && [before.createdAt, before.id]
      do {
        const answer = await run('list', limit - heads.length, LISTED_AT_ONCE, name, status, since, text, ...(from ?? []))
        const [found, ...further] = answer as [Texts[], ...string[]]
        heads.push(...found.map(headOf))
        from = further.length > 0 ? further : undefined
      } while (from && heads.length < limit)
      return heads
    },
    cancel: async (id, reason) => headFrom(await run('cancel', id, reason === null ? 0 : 1, reason ?? '')),
    resume: async (id) => headFrom(await run('resume', id)),
    fork: async (id, as, throughSeq) => headFrom(await run('fork', id, as, throughSeq)),
    purge: async (limit, endedBefore) => {
      let gone = 0
      for (let some = -1; some !== 0 && gone < limit; gone += some) {
        some = Number(await run('purge', Math.min(limit - gone, PURGED_AT_ONCE), endedBefore ?? ''))
      }
      return gone
    },
    close: async () => undefined,
  }
}
