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

local function trim(last, behind)
  local first = last - behind - kept + 1
  if first > 1 and redis.call('XLEN', stream) > behind + kept then
    redis.call('XTRIM', stream, 'MINID', '~', redis.call('HGET', state, 'born') .. '-' .. string.format('%.0f', first))
  end
end

-- Adds messages, each the fields of an entry; or returns how many are in the way.
local function append(messages)
  local last, behind = standing()
  if consumers > 0 and behind + #messages > bound then return behind end
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
"""Arguments after the terms: lane, order and data of each message. Returns how many are new, and how far behind the slowest is where they were refused."""

TRIM = Script(_TERMS + "trim(standing())")
"""Lets go of what nobody needs, on a server whose memory is full."""

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
    """
if redis.call('XACK', KEYS[1], ARGV[1], ARGV[2]) == 1 then
  redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[7], '*', 'g', ARGV[1], 'm', ARGV[2], 'd', ARGV[3], 'a', ARGV[4], 'r', ARGV[5], 't', ARGV[6])
end
"""
)
"""Keys: the stream and its dead letters. Arguments: group, id, data, attempts, reason, time, and how many letters to keep."""

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
