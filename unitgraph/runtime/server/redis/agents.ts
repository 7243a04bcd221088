/**
 * Threads and runs of agents in Redis, a script a change. Knows keys and their values; the clock is the process's, as
 * leases of agents are.
 *
 * Of each thread: `thread` (hash), `messages` (list: time, a space, JSON; its place is its number), `runs` (set). Of each
 * owner: `threads` (sorted set: thread → last use). `run` (hash) by its id; `used` (sorted set: run → last change).
 */
import type { ModelMessage } from 'ai'
import { KEPT_MS } from '../../agent/sql.ts'
import type { AgentStore, Kept, Owned, Run, RunStatus, Thread } from '../../agent/store.ts'
import { script, type Client } from './client.ts'

const THREAD_FIELDS = ['id', 'resourceId', 'title', 'createdMs', 'updatedMs', 'summary', 'summarySeq']
const RUN_FIELDS = ['id', 'agent', 'owner', 'threadId', 'status', 'version', 'leaseMs', 'expiresMs', 'state', 'updatedMs']
const FORGOTTEN_AT_ONCE = 100

const quoted = (names: readonly string[]): string => names.map((name) => `'${name}'`).join(', ')

const HEAD = `
local root, call = KEYS[1], redis.call
local function of(kind, id) return root .. kind .. ':' .. id end
local function thread(key) return call('HMGET', of('thread', key), ${quoted(THREAD_FIELDS)}) end
local function forget(id)
  call('SREM', of('runs', call('HGET', of('run', id), 'thread')), id)
  call('DEL', of('run', id))
  call('ZREM', root .. 'used', id)
end
`

const BODIES = {
  /** Values: owner's key, thread's key, id, time, names and values of other fields. */
  open: `
local key = of('thread', ARGV[2])
if call('EXISTS', key) == 1 then return 0 end
call('HSET', key, 'id', ARGV[3], 'createdMs', ARGV[4], 'updatedMs', ARGV[4], 'summarySeq', 0, select(5, unpack(ARGV)))
return call('ZADD', of('threads', ARGV[1]), ARGV[4], ARGV[3])`,
  /** Values: thread's key. */
  thread: "return call('EXISTS', of('thread', ARGV[1])) == 1 and thread(ARGV[1])",
  /** Values: owner's key, how many at most, 1 with a resource, resource. */
  threads: `
local found, kept = call('ZREVRANGE', of('threads', ARGV[1]), 0, -1, 'WITHSCORES'), {}
local rows = {}
for index = 1, #found, 2 do rows[#rows + 1] = { found[index], tonumber(found[index + 1]) } end
table.sort(rows, function(a, b) return a[2] > b[2] or (a[2] == b[2] and a[1] < b[1]) end)
for _, row in ipairs(rows) do
  if #kept >= tonumber(ARGV[2]) then break end
  local one = thread(ARGV[1] .. ' ' .. row[1])
  if ARGV[3] == '0' or one[2] == ARGV[4] then kept[#kept + 1] = one end
end
return kept`,
  /** Values: owner's key, thread's key, id. */
  remove: `
for _, run in ipairs(call('SMEMBERS', of('runs', ARGV[2]))) do forget(run) end
call('DEL', of('messages', ARGV[2]))
call('ZREM', of('threads', ARGV[1]), ARGV[3])
return call('DEL', of('thread', ARGV[2]))`,
  /** Values: thread's key, after which one, how many at most. Gives the first's number, and texts. */
  messages: `
local count = call('LLEN', of('messages', ARGV[1]))
local from = math.max(tonumber(ARGV[2]), count - ARGV[3])
if from >= count then return { 0, {} } end
return { from + 1, call('LRANGE', of('messages', ARGV[1]), from, -1) }`,
  /** Values: thread's key, number, summary. */
  summarise: `
local seq = call('HGET', of('thread', ARGV[1]), 'summarySeq')
if seq and tonumber(seq) < tonumber(ARGV[2]) then call('HSET', of('thread', ARGV[1]), 'summary', ARGV[3], 'summarySeq', ARGV[2]) end`,
  /** Values: id, thread's key, time, time before which runs are forgotten, names and values of fields. */
  create: `
local key = of('run', ARGV[1])
if call('EXISTS', key) == 1 then return 0 end
call('HSET', key, 'thread', ARGV[2], 'updatedMs', ARGV[3], select(5, unpack(ARGV)))
call('SADD', of('runs', ARGV[2]), ARGV[1])
call('ZADD', root .. 'used', ARGV[3], ARGV[1])
for _, id in ipairs(call('ZRANGEBYSCORE', root .. 'used', '-inf', '(' .. ARGV[4], 'LIMIT', 0, ${FORGOTTEN_AT_ONCE})) do forget(id) end
return 1`,
  /** Values: id. */
  run: `return call('EXISTS', of('run', ARGV[1])) == 1 and call('HMGET', of('run', ARGV[1]), ${quoted(RUN_FIELDS)})`,
  /** Values: id, version, owner's key, thread's key, thread's id, time, status, lease, state, expiry or nothing, messages. */
  advance: `
local key, threadKey = of('run', ARGV[1]), of('thread', ARGV[4])
if call('HGET', key, 'version') ~= ARGV[2] then return 0 end
if #ARGV > 10 and call('EXISTS', threadKey) == 1 then
  for index = 11, #ARGV do call('RPUSH', of('messages', ARGV[4]), ARGV[6] .. ' ' .. ARGV[index]) end
  call('HSET', threadKey, 'updatedMs', ARGV[6])
  call('ZADD', of('threads', ARGV[3]), ARGV[6], ARGV[5])
end
call('HSET', key, 'version', ARGV[2] + 1, 'updatedMs', ARGV[6], 'status', ARGV[7], 'leaseMs', ARGV[8], 'state', ARGV[9])
if ARGV[10] == '' then call('HDEL', key, 'expiresMs') else call('HSET', key, 'expiresMs', ARGV[10]) end
call('ZADD', root .. 'used', ARGV[6], ARGV[1])
return 1`,
  /** Values: id, version, lease. */
  renew: `
local version, status = unpack(call('HMGET', of('run', ARGV[1]), 'version', 'status'))
if version ~= ARGV[2] or status ~= 'running' then return 0 end
call('HSET', of('run', ARGV[1]), 'leaseMs', ARGV[3])
return 1`,
}

const SCRIPTS = Object.fromEntries(Object.entries(BODIES).map(([name, body]) => [name, script(HEAD + body)]))

type Texts = readonly (string | null)[]

const threadOf = ([id, resourceId, title, createdMs, updatedMs, summary, summarySeq]: Texts): Thread => ({
  id: String(id), resourceId: resourceId ?? null, title: String(title), createdMs: Number(createdMs), updatedMs: Number(updatedMs),
  summary: summary ?? null, summarySeq: Number(summarySeq),
})
const runOf = ([id, agent, owner, threadId, status, version, leaseMs, expiresMs, state, updatedMs]: Texts): Run => ({
  id: String(id), agent: String(agent), owner: String(owner), threadId: String(threadId), status: status as RunStatus, version: Number(version),
  leaseMs: Number(leaseMs), expiresMs: expiresMs == null ? null : Number(expiresMs), state: String(state), updatedMs: Number(updatedMs),
})

export const createAgents = (client: Client, prefix: string, now: () => number = Date.now): AgentStore => {
  const run = (name: keyof typeof BODIES, ...values: (string | number)[]): Promise<unknown> =>
    client.run(SCRIPTS[name] as ReturnType<typeof script>, [`${prefix}agents:`], ...values)
  const ownerKey = ({ agent, owner }: Owned): string => JSON.stringify([agent, owner])
  const threadKey = (of: Owned, id: string): string => `${ownerKey(of)} ${id}`
  return {
    openThread: async (of, { id, resourceId, title }) =>
      void (await run('open', ownerKey(of), threadKey(of, id), id, now(), 'title', title, ...(resourceId === null ? [] : ['resourceId', resourceId]))),
    thread: async (of, id) => {
      const found = (await run('thread', threadKey(of, id))) as Texts | null
      return found === null ? undefined : threadOf(found)
    },
    threads: async (of, resourceId, most) =>
      ((await run('threads', ownerKey(of), most, resourceId === undefined ? 0 : 1, resourceId ?? '')) as Texts[]).map(threadOf),
    deleteThread: async (of, id) => (await run('remove', ownerKey(of), threadKey(of, id), id)) === 1,
    messages: async (of, threadId, afterSeq, most) => {
      const [first, texts] = (await run('messages', threadKey(of, threadId), afterSeq, most)) as [number, string[]]
      return texts.map((text, index): Kept => {
        const space = text.indexOf(' ')
        return { seq: first + index, createdMs: Number(text.slice(0, space)), message: JSON.parse(text.slice(space + 1)) as ModelMessage }
      })
    },
    summarise: async (of, threadId, summary, seq) => void (await run('summarise', threadKey(of, threadId), seq, summary)),
    createRun: async (made) => {
      const { id, agent, owner, threadId, status, version, leaseMs, expiresMs, state } = made
      const fields = Object.entries({ id, agent, owner, threadId, status, version, leaseMs, expiresMs, state }).flatMap(([name, value]) =>
        (value === null ? [] : [name, value]))
      if ((await run('create', id, threadKey(made, threadId), now(), now() - KEPT_MS, ...fields)) !== 1) throw new Error(`There is a run ${id}`)
    },
    run: async ({ agent, owner }, id) => {
      const texts = (await run('run', id)) as Texts | null
      const found = texts && runOf(texts)
      return found?.agent === agent && found.owner === owner ? found : undefined
    },
    advance: async (seen, { status, leaseMs, expiresMs, state }, messages) => {
      const { id, version, threadId } = seen
      const texts = messages.map((message) => JSON.stringify(message))
      const thread = [ownerKey(seen), threadKey(seen, threadId), threadId]
      return (await run('advance', id, version, ...thread, now(), status, leaseMs, state, expiresMs ?? '', ...texts)) === 1
    },
    renew: async ({ id, version }, leaseMs) => (await run('renew', id, version, leaseMs)) === 1,
  }
}
