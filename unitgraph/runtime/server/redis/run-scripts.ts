/** What is done with runs of workflows in Redis, a script an operation. Knows keys and their values, not who asks. */
import { script, type Script } from './client.ts'
import { quoted, runKeys } from './run-keys.ts'

/** Those that are the same from a run's start to its end, and of a run that is forked from it. */
const KEPT_FIELDS = [
  'version', 'priority', 'concurrencyKey', 'concurrencyLimit', 'rateKey', 'rateLimit', 'ratePerMs', 'retentionMs', 'principal', 'traceparent',
]

/** How many of a lane are read at a time. */
const PAGE = 10

const BODIES = {
  /** Values: id, name, delay, input, worker or nothing, lease, then names and values of the head's other fields. */
  start: `
local id, name, worker = ARGV[1], ARGV[2], ARGV[5]
if known(id) then
  local isSame = get(id, 'name') == name and call('HGET', of('text', id), 'input') == ARGV[4]
  return { isSame and 'known' or 'conflict', head(id) }
end
make(id, name, now + ARGV[3], 0, { select(7, unpack(ARGV)) })
call('HSET', of('text', id), 'input', ARGV[4])
if worker ~= '' and may(id) then take(id, worker, ARGV[6], least()) end
return { 'started', whole(id), num(now) }`,
  /** Values: worker, lease, count, then names and versions. Gives the time, when to look again or nothing, and runs. */
  claim: `
local worker, ttl, count = ARGV[1], ARGV[2], tonumber(ARGV[3])
-- rows of what is due, in order each; of each row the one that it is at
local rows = {}
local function before(a, b)
  if a.priority ~= b.priority then return a.priority > b.priority end
  if a.at ~= b.at then return a.at < b.at end
  return a.id < b.id
end
local function put(row)
  local low, high = 1, #rows + 1
  while low < high do
    local middle = math.floor((low + high) / 2)
    if before(rows[middle], row) then low = middle + 1 else high = middle end
  end
  table.insert(rows, low, row)
end
local function step(row)
  if #row.page == 0 then
    row.page = call('ZRANGEBYSCORE', row.key, '-inf', num(now), 'WITHSCORES', 'LIMIT', row.from, ${PAGE})
    row.from, row.place = row.from + ${PAGE}, 1
  end
  row.id, row.at = row.page[row.place], tonumber(row.page[row.place + 1])
  row.place = row.place + 2
  if row.place > #row.page then row.page = {} end
  if row.id then put(row) end
end
local keys = {}
for index = 4, #ARGV, 2 do
  local name, version = ARGV[index], ARGV[index + 1]
  for _, own in ipairs({ '', version }) do
    for _, lane in ipairs(call('ZRANGEBYSCORE', lanes(name, own), '-inf', num(now))) do
      local key = of('lane', lane .. ':' .. name)
      keys[#keys + 1] = key
      if count > 0 then step({ key = key, page = {}, from = 0, priority = tonumber(cjson.decode(lane)[1]) }) end
    end
  end
  for _, owner in ipairs(call('SMEMBERS', of('workers', name))) do
    for _, id in ipairs(count > 0 and call('ZRANGEBYSCORE', leased(name, owner), '-inf', num(now)) or {}) do
      local priority, at = get(id, 'priority', 'leaseUntil')
      put({ id = id, at = tonumber(at), priority = tonumber(priority) })
    end
  end
end
local ids = {}
while #ids < count and #rows > 0 do
  local row = table.remove(rows, 1)
  -- where the first of a lane isn't had, none is
  if may(row.id) then
    ids[#ids + 1] = row.id
    if row.key then step(row) end
  end
end
local runs = {}
local from = #ids > 0 and least() or 0
for _, id in ipairs(ids) do
  take(id, worker, ttl, from)
  runs[#runs + 1] = whole(id)
end
if #ids >= count then return { num(now), num(now), runs } end
local next = tokenAt
local function first(key)
  local at = tonumber(call('ZRANGEBYSCORE', key, '(' .. num(now), '+inf', 'WITHSCORES', 'LIMIT', 0, 1)[2])
  if at and (not next or at < next) then next = at end
end
for _, key in ipairs(keys) do first(key) end
for index = 4, #ARGV, 2 do
  local name, version = ARGV[index], ARGV[index + 1]
  first(lanes(name, ''))
  first(lanes(name, version))
  for _, owner in ipairs(call('SMEMBERS', of('workers', name))) do
    if owner ~= worker then first(leased(name, owner)) end
  end
end
return { num(now), next and num(next) or '', runs }`,
  /** Values: id, epoch, length of the journal, length of the inbox or -1, status, due time or nothing, 1 with a reason, reason,
   *  version or nothing, count of entries, key and text of each (no key but that of a last word), names and values of texts. */
  append: `
local id, fromSeq, seen, status, dueAt, count = ARGV[1], tonumber(ARGV[3]), tonumber(ARGV[4]), ARGV[5], ARGV[6], tonumber(ARGV[10])
local epoch, seq, before, inboxSeq, cancelAt, retentionMs = get(id, 'epoch', 'seq', 'status', 'inboxSeq', 'cancelAt', 'retentionMs')
if not epoch or tonumber(epoch) ~= tonumber(ARGV[2]) then return { 'fenced' } end
-- what was written, and whose answer got lost, is written
if count > 0 and tonumber(seq) == fromSeq + count then return { 'ok', num(now), cancelAt } end
if before ~= 'running' or tonumber(seq) ~= fromSeq or isGone(id, epoch) then return { 'fenced' } end
if seen >= 0 and tonumber(inboxSeq) > seen then return { 'inbox-moved' } end
local words = of('words', id)
for index = 1, count do
  local key = ARGV[9 + 2 * index]
  if key ~= '' and call('ZSCORE', words, key) then return { 'said', key } end
end
for index = 1, count do
  local key = ARGV[9 + 2 * index]
  call('RPUSH', of('journal', id), num(now) .. ' ' .. ARGV[10 + 2 * index])
  if key ~= '' then call('ZADD', words, fromSeq + index, key) end
end
if status ~= 'running' then delist(id) end
if count > 0 then
  set(id, 'seq', fromSeq + count, 'recoveries', 0)
  if ARGV[9] ~= '' then set(id, 'version', ARGV[9]) end
end
if ARGV[7] == '1' then set(id, 'reason', ARGV[8]) end
for index = 11 + 2 * count, #ARGV, 2 do call('HSET', of('text', id), ARGV[index], ARGV[index + 1]) end
if status ~= 'running' then
  unset(id, 'owner', 'leaseUntil')
  set(id, 'status', status)
  if dueAt ~= '' then set(id, 'dueAt', dueAt) end
  enlist(id)
  if ENDS[status] then
    set(id, 'finishedAt', num(now))
    call('ZADD', root .. 'ended', num(now), id)
    call('ZADD', root .. 'kept', num(now + retentionMs), id)
  end
end
return { 'ok', num(now), cancelAt }`,
  /** Values: id, epoch. */
  isHeld: `
local epoch, status = get(ARGV[1], 'epoch', 'status')
return status == 'running' and tonumber(epoch) == tonumber(ARGV[2]) and not isGone(ARGV[1], epoch) and 1 or 0`,
  /** Values: id, epoch, text. */
  note: `
local epoch, status = get(ARGV[1], 'epoch', 'status')
if status == 'running' and tonumber(epoch) == tonumber(ARGV[2]) then call('HSET', of('text', ARGV[1]), 'underway', ARGV[3]) end`,
  /** Values: worker, lease, ids. */
  renew: `
local till = num(now + ARGV[2])
local lost, cancelled = {}, {}
for index = 3, #ARGV do
  local id = ARGV[index]
  local status, owner, name, cancelAt, epoch = get(id, 'status', 'owner', 'name', 'cancelAt', 'epoch')
  if status ~= 'running' or owner ~= ARGV[1] or isGone(id, epoch) then lost[#lost + 1] = id
  else
    set(id, 'leaseUntil', till)
    call('ZADD', leased(name, owner), till, id)
    if cancelAt then cancelled[#cancelled + 1] = id end
  end
end
return { num(now), lost, cancelled }`,
  /** Values: worker. */
  release: `
for _, name in ipairs(call('SMEMBERS', root .. 'names')) do
  for _, id in ipairs(call('ZRANGE', leased(name, ARGV[1]), 0, -1)) do wake(id) end
end`,
  /** Values: id, message's id, its text, the step that it is for or nothing. */
  deliver: `
local id = ARGV[1]
if not known(id) then return { 'unknown' } end
local first = call('HGET', of('messages', id), ARGV[2])
if first then return { 'duplicate', first, call('LINDEX', of('inbox', id), first - 1) } end
local status, inboxSeq = get(id, 'status', 'inboxSeq')
if ENDS[status] or (ARGV[4] ~= '' and call('ZSCORE', of('words', id), ARGV[4])) then return { 'late', head(id) } end
call('RPUSH', of('inbox', id), num(now) .. ' ' .. ARGV[3])
call('HSET', of('messages', id), ARGV[2], inboxSeq + 1)
set(id, 'inboxSeq', inboxSeq + 1)
if status == 'waiting' then wake(id) end
return { 'delivered' }`,
  /** Values: id, after. */
  inbox: "return call('LRANGE', of('inbox', ARGV[1]), ARGV[2], -1)",
  /** Values: id. */
  load: 'return known(ARGV[1]) and whole(ARGV[1])',
  /**
   * Values: how many at most, how many to look at, name, status, since, text, each or nothing, and where there is one the
   * time and the id before which they are. Gives heads, and where to go on if there are more to look at.
   */
  list: `
local most, looks, name, status, since, text, at, id =
  tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3], ARGV[4], tonumber(ARGV[5]) or 0, string.lower(ARGV[6]), ARGV[7], ARGV[8]
local listed, found = root .. 'listed', {}
local function says(it) return it and string.find(string.lower(it), text, 1, true) end
local from = at and call('ZCOUNT', listed, '(' .. at, '+inf') or 0
local some = call('ZREVRANGE', listed, from, from + looks - 1, 'WITHSCORES')
for index = 1, #some, 2 do
  local one, made = some[index], tonumber(some[index + 1])
  if #found >= most or made < since then return { found } end
  if not at or made < tonumber(at) or one < id then
    local its, is, why = get(one, 'name', 'status', 'reason')
    if (name == '' or its == name) and (status == '' or is == status)
      and (text == '' or says(one) or says(its) or says(why) or says(call('HGET', of('text', one), 'input'))) then
      found[#found + 1] = head(one)
    end
  end
end
if #some < 2 * looks then return { found } end
return { found, some[#some], some[#some - 1] }`,
  /** Values: id, 1 with a reason, reason. */
  cancel: `
local id = ARGV[1]
if not known(id) then return false end
local status, cancelAt = get(id, 'status', 'cancelAt')
if ENDS[status] then return head(id) end
if not cancelAt then
  set(id, 'cancelAt', num(now))
  if ARGV[2] == '1' then set(id, 'cancelReason', ARGV[3]) end
end
if status ~= 'running' then wake(id) end
return head(id)`,
  /** Values: id. */
  resume: `
local id = ARGV[1]
if not known(id) then return false end
if get(id, 'status') == 'paused' then
  wake(id)
  set(id, 'recoveries', 0)
  unset(id, 'reason')
end
return head(id)`,
  /** Values: id, the new one's, how many entries. */
  fork: `
local id, as = ARGV[1], ARGV[2]
if not known(id) or known(as) then return false end
local name, had = get(id, 'name', 'seq')
local seq = math.min(had, ARGV[3])
local fields = {}
for _, field in ipairs({ ${quoted(KEPT_FIELDS)} }) do
  local value = get(id, field)
  if value then fields[#fields + 1], fields[#fields + 2] = field, value end
end
make(as, name, now, seq, fields)
call('HSET', of('text', as), 'input', call('HGET', of('text', id), 'input'))
if seq > 0 then
  call('COPY', of('journal', id), of('journal', as))
  call('LTRIM', of('journal', as), 0, seq - 1)
  call('COPY', of('words', id), of('words', as))
  call('ZREMRANGEBYSCORE', of('words', as), '(' .. seq, '+inf')
end
return head(as)`,
  /** Values: how many at most, and before when they ended, or nothing: those that were kept for long enough. */
  purge: `
local ids = ARGV[2] == '' and call('ZRANGEBYSCORE', root .. 'kept', '-inf', num(now), 'LIMIT', 0, ARGV[1])
  or call('ZRANGEBYSCORE', root .. 'ended', '-inf', '(' .. ARGV[2], 'LIMIT', 0, ARGV[1])
for _, id in ipairs(ids) do
  for _, kind in ipairs({ 'run', 'text', 'journal', 'inbox', 'words', 'messages' }) do call('UNLINK', of(kind, id)) end
  for _, index in ipairs({ 'listed', 'ended', 'kept' }) do call('ZREM', root .. index, id) end
end
return #ids`,
}

export const runScripts = (clock: string, forgets: boolean): Readonly<Record<keyof typeof BODIES, Script>> =>
  Object.fromEntries(Object.entries(BODIES).map(([name, body]) => [name, script(runKeys(clock, forgets) + body)])) as Record<keyof typeof BODIES, Script>
