"""What `RedisStreams` does on the server in one step, all of it or nothing, in Lua.

The keys of a topic share its hash slot: the stream; `lanes`, the last order of each lane; `silent`, the lanes by how long they have
been silent; `state`, in which numbers are counted; `dead`, the dead letters.

A message's id is ``<born>-<number>``: when the counting began, in milliseconds, and a number that rises by one from message to message. So how far a group is
behind is a subtraction, on servers that do not tell it too, and ids go on rising when a server has lost everything.
"""

from tidewright.adapters.redis_server import Script

_TERMS = """
local stream, lanes, silent, state, dead = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local now, bound, kept, most_lanes, consumers = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local rest = 6 + consumers

local function number(id) return tonumber(string.match(id, '%-(%d+)$')) end

local function groups()
  local found = {}
  if redis.call('EXISTS', stream) == 0 then return found end
  for _, told in ipairs(redis.call('XINFO', 'GROUPS', stream)) do
    local group = {}
    for i = 1, #told, 2 do group[told[i]] = told[i + 1] end
    found[group['name']] = group
  end
  return found
end

local function create_groups()
  local found = groups()
  for i = 6, 5 + consumers do
    if not found[ARGV[i]] then redis.call('XGROUP', 'CREATE', stream, ARGV[i], '0', 'MKSTREAM') end
  end
end

-- The number of the last message, and how many of the last ones somebody still has to acknowledge.
local function standing()
  local last = tonumber(redis.call('HGET', state, 'number') or 0)
  local needed, found = last + 1, groups()
  for i = 6, 5 + consumers do
    local group = found[ARGV[i]]
    local first = 1
    if group and group['pending'] > 0 then first = number(redis.call('XPENDING', stream, ARGV[i])[2])
    elseif group then first = number(group['last-delivered-id']) + 1 end
    needed = math.min(needed, first)
  end
  return last, math.min(last - needed + 1, redis.call('XLEN', stream))
end

-- Whether what is left of the memory is to be spared for what consumers need to catch up.
local function cramped()
  local told = redis.pcall('INFO', 'memory')
  if type(told) ~= 'string' then return false end
  local function figure(name) return tonumber(string.match(told, name .. ':(%d+)')) or 0 end
  local limit = figure('maxmemory')
  return limit > 0 and figure('used_memory') - figure('mem_not_counted_for_evict') > 0.9 * limit
end

-- What onlookers may want stays as long as there is room.
local function trim(last, behind)
  local kept = (consumers > 0 and cramped()) and 0 or kept
  local first = last - behind - kept + 1
  if first > 1 and redis.call('XLEN', stream) > behind + kept then
    redis.call('XTRIM', stream, 'MINID', '~', redis.call('HGET', state, 'born') .. '-' .. string.format('%.0f', first))
  end
end

-- Adds messages, each the fields of an entry; or returns how many are in the way, -1 for a lack of memory.
local function append(messages)
  local last, behind = standing()
  if consumers > 0 and behind + #messages > bound then return behind end
  if consumers > 0 and cramped() then return -1 end
  create_groups()
  local born = redis.call('HGET', state, 'born')
  if not born then
    local known = redis.call('XLEN', stream) > 0 and redis.call('XREVRANGE', stream, '+', '-', 'COUNT', 1)[1][1] or now .. '-0'
    born, last = string.match(known, '^(%d+)'), number(known)
  end
  for i, fields in ipairs(messages) do
    redis.call('XADD', stream, born .. '-' .. string.format('%.0f', last + i), unpack(fields))
  end
  last = last + #messages
  redis.call('HSET', state, 'born', born, 'number', string.format('%.0f', last))
  trim(last, consumers > 0 and behind + #messages or 0)
  return false
end
"""

PUBLISH = Script(
    _TERMS
    + """
local believed = rest + 1
rest = believed + 2 * tonumber(ARGV[rest])
for i = believed, rest - 1, 2 do
  local order = redis.call('HGET', lanes, ARGV[i])
  if not order or tonumber(order) < tonumber(ARGV[i + 1]) then return {0, false, ARGV[i], order} end
end

local orders, new, touched = {}, {}, {}
for i = rest, #ARGV, 3 do
  local lane, order = ARGV[i], tonumber(ARGV[i + 1])
  if not orders[lane] then orders[lane] = tonumber(redis.call('HGET', lanes, lane) or '-inf') end
  if order > orders[lane] then
    orders[lane] = order
    touched[lane] = ARGV[i + 1]
    new[#new + 1] = {'d', ARGV[i + 2]}
  end
end
if #new == 0 then return {0, false} end

local behind = append(new)
if behind then return {#new, behind} end

local last = redis.call('HGET', state, 'number')
for lane, order in pairs(touched) do
  redis.call('HSET', lanes, lane, order)
  redis.call('ZADD', silent, last, lane)
end
local beyond = redis.call('HLEN', lanes) - most_lanes
if beyond > 0 then
  local forgotten = redis.call('ZPOPMIN', silent, beyond)
  for i = 1, #forgotten, 2 do redis.call('HDEL', lanes, forgotten[i]) end
end
return {#new, false}
"""
)
"""Arguments after the terms: how many lanes something is believed of, each with its order; then lane, order and data of each message.

Returns how many are new, what is in the way where they were refused (see `append`), and, where it has less than is believed, a lane and its last.
"""

TAKE = Script(
    _TERMS
    + """
local group, consumer, most, abandoned = ARGV[rest], ARGV[rest + 1], tonumber(ARGV[rest + 2]), tonumber(ARGV[rest + 3])

local pending, _, _, holders = unpack(redis.call('XPENDING', stream, group))
if pending > 0 and (#holders > 1 or holders[1][1] ~= consumer) then
  local oldest = redis.call('XPENDING', stream, group, '-', '+', 1)[1]
  if oldest[2] ~= consumer and oldest[3] < abandoned then return {{}, {}, false} end
  local from, page = '-', nil
  repeat
    page = redis.call('XPENDING', stream, group, from, '+', 1000)
    local ids = {}
    for i, told in ipairs(page) do ids[i] = told[1] end
    if #ids > 0 then
      from = '(' .. ids[#ids]
      ids[#ids + 1] = 'JUSTID'
      redis.call('XCLAIM', stream, group, consumer, 0, unpack(ids))
    end
  until #page < 1000
end

local entries, attempts = {}, {}
if pending > 0 then
  entries = redis.call('XREADGROUP', 'GROUP', group, consumer, 'COUNT', most, 'STREAMS', stream, '0')[1][2]
  for i, told in ipairs(redis.call('XPENDING', stream, group, '-', '+', most, consumer)) do attempts[i] = told[4] end
end
if #entries < most then
  local new = redis.call('XREADGROUP', 'GROUP', group, consumer, 'COUNT', most - #entries, 'STREAMS', stream, '>')
  for _, entry in ipairs(new and new[1][2] or {}) do
    entries[#entries + 1] = entry
    attempts[#entries] = 1
  end
end
return {entries, attempts, groups()[group]['last-delivered-id']}
"""
)
"""Arguments after the terms: group, consumer, the most messages, and after how many milliseconds whoever was given some is taken for gone.

Returns the entries that are the consumer's next, how often each was given by now, and the id of the last that the group was given; no id where
another consumer is at work. Whoever holds the oldest entry that is pending takes over all of these, so that they are one consumer's.
"""

ACKNOWLEDGE = Script(
    _TERMS
    + """
for i = rest + 1, #ARGV, 1000 do
  redis.call('XACK', stream, ARGV[rest], unpack(ARGV, i, math.min(i + 999, #ARGV)))
end
trim(standing())
"""
)
"""Arguments after the terms: a group, and the ids that it is done with; what nobody needs any more goes."""

JOIN = Script(
    _TERMS
    + """
create_groups()
for _, told in ipairs(redis.call('XINFO', 'CONSUMERS', stream, ARGV[rest])) do
  local consumer = {}
  for i = 1, #told, 2 do consumer[told[i]] = told[i + 1] end
  if consumer['pending'] == 0 and consumer['idle'] > 86400000 then
    redis.call('XGROUP', 'DELCONSUMER', stream, ARGV[rest], consumer['name'])
  end
end
"""
)
"""Argument after the terms: a group. Creates the groups, and forgets those of the group's consumers that have been gone for a day."""

STANDING = Script(
    _TERMS
    + """
local last, found, told = tonumber(redis.call('HGET', state, 'number') or 0), groups(), {}
local length = redis.call('XLEN', stream)
for i = 6, 5 + consumers do
  local group = found[ARGV[i]]
  local unread = group and last - number(group['last-delivered-id']) or length
  told[#told + 1] = {ARGV[i], math.max(0, math.min(unread, length)), group and group['pending'] or 0}
end
return {length, redis.call('XLEN', dead), told}
"""
)
"""Returns the length, the number of dead letters, and of each group its name, what it has unread and what is pending."""

BURY = Script(
    _TERMS
    + """
local most, group, id, data, attempts, reason = unpack(ARGV, rest)
if redis.call('XLEN', dead) >= tonumber(most) then return 0 end
if redis.call('XACK', stream, group, id) == 1 then
  redis.call('XADD', dead, '*', 'g', group, 'm', id, 'd', data, 'a', attempts, 'r', reason, 't', now)
  trim(standing())
end
return 1
"""
)
"""Arguments after the terms: the most letters that are kept, group, id, data, attempts and reason. Returns 0 where no more are kept."""

REPLAY = Script(
    _TERMS
    + """
local messages, ids = {}, {}
for i = rest, #ARGV do
  local letter = redis.call('XRANGE', dead, ARGV[i], ARGV[i])[1]
  if letter then
    local fields = {}
    for j = 1, #letter[2], 2 do fields[letter[2][j]] = letter[2][j + 1] end
    messages[#messages + 1] = {'d', fields['d'], 'g', fields['g']}
    ids[#ids + 1] = ARGV[i]
  end
end
if #ids == 0 then return {0, false} end
local behind = append(messages)
if behind then return {#ids, behind} end
for _, id in ipairs(ids) do redis.call('XDEL', dead, id) end
return {#ids, false}
"""
)
"""Arguments after the terms: ids of dead letters. Returns what `PUBLISH` does."""
