/**
 * What is done with jobs in Redis, a script an operation. All keys of a deployment have one hash tag, so that a cluster
 * has them in one place. Knows keys and their values, not who asks.
 *
 * Of each queue: `due` (sorted set: job → when it may be taken, once its delay is over or the lease of whoever runs it),
 * `body`, `meta` (hashes: job → text; job → attempt, owner, 1 where its id was given, id), `ids` (hash: given id → job,
 * or empty once it has ended), `ended` (sorted set: given id of a job that has ended → until when it is known), `lost`
 * (hash: job → 1, those that were given up). A job's own name is a number of `seq`, with zeros, so that what is due at
 * the same time goes in order.
 */
import { REMEMBERED_MS } from '../jobs.ts'
import { script, type Script } from './client.ts'

export const QUEUE_KEYS = ['due', 'body', 'meta', 'ids', 'ended', 'lost'] as const

/** By the server's clock, in milliseconds. */
export const TIME = "(function() local t = redis.call('TIME') return t[1] * 1000 + math.floor(t[2] / 1000) end)()"

const HEAD = (clock: string): string => `
local now = ${clock}
local function split(meta)
  local attempt, owner, named, id = string.match(meta, '^(%d+)\\n([^\\n]*)\\n([01])\\n(.*)$')
  return tonumber(attempt), owner, named == '1', id
end
local function join(attempt, owner, named, id)
  return attempt .. '\\n' .. owner .. '\\n' .. (named and '1' or '0') .. '\\n' .. id
end
local function mine(meta, job, owner, attempt)
  local found = redis.call('HGET', meta, job)
  if not found then return nil end
  local had, by, named, id = split(found)
  if by ~= owner or had ~= tonumber(attempt) then return nil end
  return had, named, id
end
-- a given id that is still known makes no room; an ended one may be replaced when its day is over, or by a dead letter
local function put(due, body, meta, ids, ended, lost, seq, id, text, named, at, always)
  if named then
    local known = redis.call('HGET', ids, id)
    if known then
      local till = redis.call('ZSCORE', ended, id)
      if not till and redis.call('HEXISTS', lost, known) == 0 then return 0 end
      if till and not always and tonumber(till) > now then return 0 end
      redis.call('ZREM', ended, id)
      if known ~= '' then
        redis.call('HDEL', body, known)
        redis.call('HDEL', meta, known)
        redis.call('HDEL', lost, known)
      end
    end
  end
  local job = string.format('%016.0f', redis.call('INCR', seq))
  redis.call('HSET', body, job, text)
  redis.call('HSET', meta, job, join(0, '', named, id))
  redis.call('ZADD', due, string.format('%.0f', at), job)
  if named then redis.call('HSET', ids, id, job) end
  return 1
end
local function finish(due, body, meta, ids, ended, job, named, id)
  redis.call('ZREM', due, job)
  redis.call('HDEL', body, job)
  redis.call('HDEL', meta, job)
  if named then
    redis.call('HSET', ids, id, '')
    redis.call('ZADD', ended, string.format('%.0f', now + ${REMEMBERED_MS}), id)
  end
end
`

/** Keys of a queue come in the order of `QUEUE_KEYS`. */
const BODIES = {
  /** Keys: the queue's, seq. Values: id, text, 1 where the id was given, delay, channel, sender. */
  add: `
local isNew = put(KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6], KEYS[7], ARGV[1], ARGV[2], ARGV[3] == '1', now + ARGV[4], false)
if isNew == 1 then redis.call('PUBLISH', ARGV[5], ARGV[6]) end
return isNew`,
  /** Keys: the queue's. Values: most, owner, lease. */
  claim: `
local found = {}
for _, job in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now), 'LIMIT', 0, ARGV[1])) do
  local attempt, _, named, id = split(redis.call('HGET', KEYS[3], job))
  redis.call('HSET', KEYS[3], job, join(attempt + 1, ARGV[2], named, id))
  redis.call('ZADD', KEYS[1], string.format('%.0f', now + ARGV[3]), job)
  found[#found + 1] = { job, id, named and 1 or 0, attempt + 1, redis.call('HGET', KEYS[2], job) }
end
return found`,
  /** Keys: the queue's. Values: owner, lease, then job and attempt of each. */
  renew: `
for index = 3, #ARGV, 2 do
  if mine(KEYS[3], ARGV[index], ARGV[1], ARGV[index + 1]) then
    redis.call('ZADD', KEYS[1], 'XX', string.format('%.0f', now + ARGV[2]), ARGV[index])
  end
end
return 1`,
  /** Keys: the queue's. Values: job, owner, attempt. */
  done: `
local attempt, named, id = mine(KEYS[3], ARGV[1], ARGV[2], ARGV[3])
if not attempt then return 0 end
finish(KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], ARGV[1], named, id)
return 1`,
  /** Keys: the queue's. Values: job, owner, attempt, delay, how many attempts don't count. */
  again: `
local attempt, named, id = mine(KEYS[3], ARGV[1], ARGV[2], ARGV[3])
if not attempt then return 0 end
redis.call('HSET', KEYS[3], ARGV[1], join(attempt - ARGV[5], '', named, id))
redis.call('ZADD', KEYS[1], string.format('%.0f', now + ARGV[4]), ARGV[1])
return 1`,
  /** Keys: the queue's. Values: job, owner, attempt. */
  keep: `
local attempt, named, id = mine(KEYS[3], ARGV[1], ARGV[2], ARGV[3])
if not attempt then return 0 end
redis.call('ZREM', KEYS[1], ARGV[1])
redis.call('HSET', KEYS[3], ARGV[1], join(attempt, '', named, id))
redis.call('HSET', KEYS[6], ARGV[1], 1)
if named then redis.call('ZADD', KEYS[5], string.format('%.0f', now + ${REMEMBERED_MS}), id) end
return 1`,
  /** Keys: the queue's, those of the dead letters, seq. Values: job, owner, attempt, channel, sender. */
  bury: `
local attempt, named, id = mine(KEYS[3], ARGV[1], ARGV[2], ARGV[3])
if not attempt then return 0 end
put(KEYS[7], KEYS[8], KEYS[9], KEYS[10], KEYS[11], KEYS[12], KEYS[13], id, redis.call('HGET', KEYS[2], ARGV[1]), named, now, true)
finish(KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], ARGV[1], named, id)
redis.call('PUBLISH', ARGV[4], ARGV[5])
return 1`,
  /** Keys: \`due\` of each queue. */
  due: `
local found = {}
for index, due in ipairs(KEYS) do
  local first = redis.call('ZRANGE', due, 0, 0, 'WITHSCORES')
  found[index] = first[2] and string.format('%.0f', first[2] - now) or ''
end
return found`,
  /** Keys: the queue's. */
  forget: `
local over = redis.call('ZRANGEBYSCORE', KEYS[5], '-inf', string.format('%.0f', now), 'LIMIT', 0, 1000)
for _, id in ipairs(over) do
  redis.call('ZREM', KEYS[5], id)
  -- one that was given up stays, and only makes room
  if redis.call('HGET', KEYS[4], id) == '' then redis.call('HDEL', KEYS[4], id) end
end
return #over`,
}

export const jobScripts = (clock: string): Readonly<Record<keyof typeof BODIES, Script>> =>
  Object.fromEntries(Object.entries(BODIES).map(([name, body]) => [name, script(HEAD(clock) + body)])) as Record<keyof typeof BODIES, Script>
