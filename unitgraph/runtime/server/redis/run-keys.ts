/**
 * Where runs of workflows are in Redis: their keys and the indexes over them, as what all scripts begin with (Lua).
 *
 * All keys begin with the one of each script, its root, which has the hash tag of the project: so a run is in one place
 * with the indexes that span runs, and one script moves both. Of each run: `run` (hash: its head, without what is null),
 * `text` (hash: input, output, error, underway), `journal`, `inbox` (lists: time, a space, JSON), `words` (sorted set: key
 * of a step that has its last word → its entry), `messages` (hash: id of a message → its place in the inbox).
 *
 * What has a due time is in a lane with its like: of one workflow, priority, version (of paused runs, that only its own
 * code may have) and keys of limits; so one look at its first tells whether any of it may be had. `lane:<lane>:<workflow>`
 * (sorted set: run → due time), `lanes:<version>:<workflow>` (sorted set: lane → its first due time). What is running is in
 * `leased:<workflow>:<worker>` (sorted set: run → until when), `workers:<workflow>` (set: who has any), and in
 * `held:<key>` (set) by its key of concurrency. `bucket:<key>` (hash: tokens, at). `names` (set): the workflows there are.
 * `listed`, `ended`, `kept` (sorted sets: run → when it was made, when it ended, until when it is kept).
 *
 * `server` (hash: id, from) is the server process that last answered, and the least epoch that it grants: one that was
 * started again may have lost what it was told last, and must not give a lease with the epoch of one that it has forgotten.
 * What a worker had before that it gives up, since it may know of messages that never were: unless the server forgets nothing.
 */
import { WHOLE } from '../../workflow/flow.ts'

/** In the order in which scripts give them. */
export const HEAD_FIELDS = [
  'id', 'name', 'version', 'status', 'priority', 'concurrencyKey', 'concurrencyLimit', 'rateKey', 'rateLimit', 'ratePerMs', 'retentionMs',
  'dueAt', 'epoch', 'owner', 'leaseUntil', 'seq', 'inboxSeq', 'recoveries', 'cancelAt', 'cancelReason', 'parentId', 'parentKey', 'principal',
  'traceparent', 'createdAt', 'finishedAt', 'reason',
] as const

export const quoted = (names: readonly string[]): string => names.map((name) => `'${name}'`).join(', ')

/** A bucket that is full again may be forgotten, but not at once: clocks differ. */
const FORGOTTEN_MS = 60_000

/** `forgets`: a server that was started again may have lost what it was told last. */
export const runKeys = (clock: string, forgets: boolean): string => `
local root, now = KEYS[1], ${clock}
local ENDS = { completed = true, failed = true, cancelled = true }
local call = redis.call
local function num(value) return string.format('%.0f', value) end
local function of(kind, id) return root .. kind .. ':' .. id end
local function get(id, ...) return unpack(call('HMGET', of('run', id), ...)) end
local function set(id, ...) call('HSET', of('run', id), ...) end
local function unset(id, ...) call('HDEL', of('run', id), ...) end
local function known(id) return call('EXISTS', of('run', id)) == 1 end
local function head(id) return call('HMGET', of('run', id), ${quoted(HEAD_FIELDS)}) end
local function whole(id)
  local texts = call('HMGET', of('text', id), 'input', 'output', 'error', 'underway')
  return { head(id), texts[1], texts[2], texts[3], texts[4], call('LRANGE', of('journal', id), 0, -1), call('LRANGE', of('inbox', id), 0, -1) }
end
local function leased(name, worker) return of('leased', name .. ':' .. worker) end
local function lanes(name, version) return of('lanes', version .. ':' .. name) end
local function laneOf(id, status)
  local name, priority, version, key, rate = get(id, 'name', 'priority', 'version', 'concurrencyKey', 'rateKey')
  local own = status == 'paused' and version or ''
  return name, own, cjson.encode({ priority, own, key, status == 'ready' and rate })
end
local function tell(name, own, lane)
  local first = call('ZRANGE', of('lane', lane .. ':' .. name), 0, 0, 'WITHSCORES')
  if first[1] then call('ZADD', lanes(name, own), first[2], lane) else call('ZREM', lanes(name, own), lane) end
end
-- puts a run into the index of its status
local function enlist(id)
  local status, dueAt, name, owner, leaseUntil, key = get(id, 'status', 'dueAt', 'name', 'owner', 'leaseUntil', 'concurrencyKey')
  if status == 'running' then
    call('ZADD', leased(name, owner), leaseUntil, id)
    call('SADD', of('workers', name), owner)
    if key then call('SADD', of('held', key), id) end
  elseif dueAt and not ENDS[status] then
    local name, own, lane = laneOf(id, status)
    call('ZADD', of('lane', lane .. ':' .. name), dueAt, id)
    tell(name, own, lane)
  end
end
-- and takes it out, before anything is changed that the index depends on
local function delist(id)
  local status, dueAt, name, owner, key = get(id, 'status', 'dueAt', 'name', 'owner', 'concurrencyKey')
  if status == 'running' then
    call('ZREM', leased(name, owner), id)
    if call('EXISTS', leased(name, owner)) == 0 then call('SREM', of('workers', name), owner) end
    if key then call('SREM', of('held', key), id) end
  elseif dueAt and not ENDS[status] then
    local name, own, lane = laneOf(id, status)
    call('ZREM', of('lane', lane .. ':' .. name), id)
    tell(name, own, lane)
  end
end
local function wake(id)
  delist(id)
  unset(id, 'owner', 'leaseUntil')
  set(id, 'status', 'waiting', 'dueAt', num(now))
  enlist(id)
end
local function least()
  local server = string.match(call('INFO', 'server'), 'run_id:(%x+)')
  local id, from = unpack(call('HMGET', root .. 'server', 'id', 'from'))
  if id == server then return tonumber(from) end
  from = id and math.max(now, from + 1) or 0
  call('HSET', root .. 'server', 'id', server, 'from', num(from))
  return from
end
-- whether a lease is of a time that the server may have forgotten a part of; if so it is given up
local function isGone(id, epoch)
  if not ${forgets} or tonumber(epoch) >= least() then return false end
  wake(id)
  return true
end
local function take(id, worker, ttl, from)
  local status, epoch, recoveries = get(id, 'status', 'epoch', 'recoveries')
  delist(id)
  if status == 'running' then recoveries = recoveries + 1 end
  set(id, 'status', 'running', 'epoch', num(math.max(epoch + 1, from)), 'owner', worker, 'leaseUntil', num(now + ttl), 'recoveries', recoveries)
  unset(id, 'dueAt')
  enlist(id)
end
-- a head that is ready at a time; \`fields\` are those that aren't the same for all
local function make(id, name, at, seq, fields)
  set(id, 'id', id, 'name', name, 'status', 'ready', 'dueAt', num(at), 'epoch', 0, 'seq', seq, 'inboxSeq', 0, 'recoveries', 0, 'createdAt', num(now))
  for index = 1, #fields, 2 do set(id, fields[index], fields[index + 1]) end
  call('SADD', root .. 'names', name)
  call('ZADD', root .. 'listed', num(now), id)
  enlist(id)
end

-- the law of limits, for one claim; see workflow/flow.ts
local running, full, empty, tokenAt = {}, {}, {}, nil
local function pays(key, limit, perMs)
  if empty[key] then return false end
  local had, at = unpack(call('HMGET', of('bucket', key), 'tokens', 'at'))
  local tokens = had and math.min(limit, had + math.max(now - at, 0) * limit / perMs) or limit
  if tokens >= ${WHOLE} then
    tokens = tokens - 1
    call('HSET', of('bucket', key), 'tokens', string.format('%.17g', tokens), 'at', num(now))
    call('PEXPIRE', of('bucket', key), num(math.ceil((limit - tokens) * perMs / limit) + ${FORGOTTEN_MS}))
    return true
  end
  empty[key] = true
  local next = now + math.ceil((${WHOLE} - tokens) * perMs / limit)
  tokenAt = tokenAt and math.min(tokenAt, next) or next
  return false
end
local function may(id)
  local status, key, most, rate, limit, perMs = get(id, 'status', 'concurrencyKey', 'concurrencyLimit', 'rateKey', 'rateLimit', 'ratePerMs')
  if status == 'running' then return true end
  if key then
    running[key] = running[key] or call('SCARD', of('held', key))
    if full[key] or running[key] >= tonumber(most) then
      full[key] = true
      return false
    end
  end
  if rate and status == 'ready' and not pays(rate, tonumber(limit), tonumber(perMs)) then return false end
  if key then running[key] = running[key] + 1 end
  return true
end
`
