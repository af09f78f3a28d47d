-- The sessions of all members, as one server of Redis or Valkey keeps them for bonedry. Each call
-- is atomic. ARGV: the function, the prefix of all keys, the member that asks, then what the
-- function says. KEYS is empty: the keys are found as the work is done, so this is not for Redis
-- Cluster, which wants to know them before.
--
-- PREFIX:s:BUCKET   hash: key of a session -> entry, see `read`. Buckets are small, so that the
--                   server packs each into one piece of memory.
-- PREFIX:l:TAG      sorted set: keys of a node's live sessions by their end; the count of all
-- PREFIX:p:TAG      the same for pending sessions
-- PREFIX:rest       the same for everything else: what has ended, aliases, displaced sessions
-- PREFIX:displaced  hash: tag -> time and occasion of the node's last displacement
-- PREFIX:gone       set: names of sorted sets that a displacement has put aside
-- PREFIX:changes    stream, numbered without gaps: what other members must hear
-- PREFIX:members    hash: name of a member -> its number, one byte
-- PREFIX:whole      hash: name -> token of the member that has sent all its sessions
-- PREFIX:statements hash: name -> what the member says to the others
-- PREFIX:lease      token of the member that leads
-- PREFIX:heard      hash: name -> when it last said that it has nothing more to send
--
-- Members send ages and times left instead of times, since their clocks differ. A time here is one
-- of this server, in milliseconds. The times of two members for one moment differ by as long as
-- their messages take; kSlack is more than that.
local kSlack = 1000
local kMaxChanges = 100000  -- of 60 bytes; members read them within a second
local kMaxHops = 16         -- from alias to alias: a value is renewed at each login
local kMaxMembers = 255     -- names, also of members that have ended
local kBucketCount = 16384  -- see bucket_of
local kBucketsAtOnce = 1024 -- of which most may be empty: 1 ms of the time of a small store

-- States of an entry; a later one of the first two wins.
local kPending, kLive, kEnded, kAlias = 1, 2, 3, 4
-- What an answer to an operation says.
local kIsEnded, kIsAt, kIsAlias = 1, 2, 3
-- Kinds of operations, and of changes.
local kPresent, kLeft, kExpired, kRenewed, kAliased, kMoved = 1, 2, 3, 4, 5, 6

local call = redis.call
local pack, unpack_ = struct.pack, struct.unpack
local byte, sub, find = string.byte, string.sub, string.find
local prefix, name = ARGV[2], ARGV[3]
local clock = call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)

local kBuckets = prefix .. ':s:'
local kLiveSets = prefix .. ':l:'
local kPendingSets = prefix .. ':p:'
local kRest = prefix .. ':rest'
local kChanges = prefix .. ':changes'
local kDisplaced = prefix .. ':displaced'

-- How long ago a moment was: nothing if the clock was set back.
local function since(at) return math.max(0, now - at) end

-- The number of the member that has not been heard for the longest time. Its name loses it. What it
-- had is then another's, who does not end it: it goes when it would have ended by itself.
local function take_number()
  local members = call('HGETALL', prefix .. ':members')
  local oldest, oldest_heard, number
  for i = 1, #members, 2 do
    local heard = tonumber(call('HGET', prefix .. ':heard', members[i]) or 0) or 0
    if not oldest or heard < oldest_heard then
      oldest, oldest_heard, number = members[i], heard, members[i + 1]
    end
  end
  for _, hash in ipairs({':members', ':whole', ':heard'}) do call('HDEL', prefix .. hash, oldest) end
  return number
end

local me  -- the number of this member, a string of one byte
local function know_me()
  local number = call('HGET', prefix .. ':members', name)
  if not number then
    number = call('HLEN', prefix .. ':members') + 1
    if number > kMaxMembers then number = take_number() end
    call('HSET', prefix .. ':members', name, number)
  end
  me = string.char(tonumber(number))
end

local function bucket_of(key)
  return kBuckets .. string.format('%04x', byte(key, 15) * 64 + math.floor(byte(key, 16) / 4))
end

-- The entry of a key; nil if there is none, or none that can be read.
--   session  {state, ends, created, placed, tag, holders}: holders are the members that have it
--   ended    {state, ends, ended}: `ends` is when it can be forgotten
--   alias    {state, ends, target}
local function read(key)
  local text = call('HGET', bucket_of(key), key)
  if not text or #text < 7 then return nil end
  local e = {}
  e.state, e.ends = unpack_('>BI6', text)
  if e.state <= kLive then
    if #text < 27 then return nil end
    e.created, e.placed, e.tag = unpack_('>I6I6c8', text, 8)
    e.holders = sub(text, 28)
  elseif e.state == kEnded and #text == 13 then
    e.ended = unpack_('>I6', text, 8)
  elseif e.state == kAlias and #text == 23 then
    e.target = sub(text, 8)
  else
    return nil
  end
  return e
end

local displaced  -- tag -> time; read when the first session is written
local function displaced_at(tag)
  if not displaced then
    displaced = {}
    local pairs_ = call('HGETALL', kDisplaced)
    for i = 1, #pairs_, 2 do
      displaced[pairs_[i]] = tonumber(string.match(pairs_[i + 1], '^%d+')) or 0
    end
  end
  return displaced[tag] or 0
end

-- The sorted set that an entry belongs to.
local function set_of(e)
  if e.state > kLive or e.placed <= displaced_at(e.tag) then return kRest end
  return (e.state == kLive and kLiveSets or kPendingSets) .. e.tag
end

local function write(key, e, old_set)
  local text
  if e.state <= kLive then
    text = pack('>BI6I6I6c8', e.state, e.ends, e.created, e.placed, e.tag) .. e.holders
  elseif e.state == kEnded then
    text = pack('>BI6I6', e.state, e.ends, e.ended)
  else
    text = pack('>BI6c16', e.state, e.ends, e.target)
  end
  local set = set_of(e)
  if old_set and old_set ~= set then call('ZREM', old_set, key) end
  call('HSET', bucket_of(key), key, text)
  call('ZADD', set, e.ends, key)
end

local function erase(key, set)
  call('HDEL', bucket_of(key), key)
  call('ZREM', set, key)
end

local last_change  -- the number of the last change in the stream
local function newest_change()
  local newest = call('XREVRANGE', kChanges, '+', '-', 'COUNT', 1)[1]
  return newest and tonumber(string.match(newest[1], '^%d+')) or 0
end
local function tell(kind, key, rest)
  last_change = (last_change or newest_change()) + 1
  call('XADD', kChanges, 'MAXLEN', '~', kMaxChanges, string.format('%d-0', last_change), 'c',
       pack('>Bc1c16', kind, me, key) .. rest)
end

local function is_session(e) return e and e.state <= kLive and e.ends > now end
local function is_over(e, created)
  return e and e.state == kEnded and e.ends > now and e.ended >= created
end

local function with_holder(holders)
  if find(holders, me, 1, true) then return holders end
  return holders .. me
end

-- The most frequent case of `present`, without a table: used again by a member that has it, on its
-- node. False: it is another case.
local function touched(key, tag, state, placed, ends)
  local bucket = bucket_of(key)
  local text = call('HGET', bucket, key)
  if not text or #text < 28 or byte(text) ~= state or state > kLive then return false end
  local old_ends, _, old_placed, old_tag = unpack_('>I6I6I6c8', text, 2)
  if old_tag ~= tag or placed > old_placed + kSlack or old_ends <= now then return false end
  if placed <= displaced_at(tag) or not find(text, me, 28, true) then return false end
  if ends <= old_ends then return true end
  call('HSET', bucket, key, pack('>BI6', state, ends) .. sub(text, 8))
  call('ZADD', (state == kLive and kLiveSets or kPendingSets) .. tag, ends, key)
  return true
end

-- A session is on a node. Returns an answer if the index knows better.
local function present(key, tag, state, created, placed, ends)
  if touched(key, tag, state, placed, ends) then return end
  local old = read(key)
  if is_over(old, created) then return kIsEnded, pack('>I6', since(old.ended)) end
  if old and old.state == kAlias and old.ends > now then return kIsAlias, old.target end
  local new = {state = state, ends = ends, created = created, placed = placed, tag = tag,
               holders = me}
  if not is_session(old) then return write(key, new, old and set_of(old)) end
  local old_set = set_of(old)
  new.state = math.max(state, old.state)
  new.ends = math.max(ends, old.ends)
  new.created = math.min(created, old.created)
  new.holders = with_holder(old.holders)
  local is_elsewhere = tag ~= old.tag
  local wins = placed > old.placed or (placed == old.placed and ends > old.ends)
  if is_elsewhere and wins then
    tell(kMoved, key, pack('>c8I6', tag, placed))
    return write(key, new, old_set)
  end
  new.tag = old.tag
  if is_elsewhere or placed <= old.placed + kSlack then new.placed = old.placed end
  write(key, new, old_set)
  if is_elsewhere then return kIsAt, pack('>c8I6', old.tag, since(old.placed)) end
end

-- The key and the entry that a value leads to.
local function follow(key)
  local e = read(key)
  for _ = 1, kMaxHops do
    if not e or e.state ~= kAlias or e.ends <= now then break end
    key = e.target
    e = read(key)
  end
  return key, e
end

-- The user has logged out. Has no effect on a session that began later.
local function left(key, ended, forget)
  local e
  key, e = follow(key)
  if is_session(e) and e.created > ended then return end
  if e and e.state == kEnded and e.ends > now and e.ended >= ended - kSlack then return end
  write(key, {state = kEnded, ends = forget, ended = ended}, e and set_of(e))
  tell(kLeft, key, pack('>I6', ended))
end

-- The session ended by time at this member. It is over when no other member has it: each has said
-- until when it may last there, rounded up by no more than `rounding`.
local function expired(key, ended, rounding)
  local e = read(key)
  if not e or e.state > kLive then return end
  local at = find(e.holders, me, 1, true)
  if not at then return end
  local others = sub(e.holders, 1, at - 1) .. sub(e.holders, at + 1)
  if others ~= '' then
    e.holders = others
    return write(key, e)
  end
  if e.ends <= ended + rounding + kSlack then erase(key, set_of(e)) end
end

-- The session of `key` goes on as `other`.
local function renewed(key, other, tag, state, created, placed, ends)
  local old = read(key)
  if is_over(old, created) then return kIsEnded, pack('>I6', since(old.ended)) end
  local old_set = old and set_of(old)
  if is_session(old) then
    state = math.max(state, old.state)
    local next_ = read(other)
    if not is_session(next_) and not is_over(next_, created) then
      write(other, old, next_ and set_of(next_))
    end
  end
  -- An alias already: repeated, or another member was faster, and then there are two sessions.
  if not old or old.state ~= kAlias or old.ends <= now then
    write(key, {state = kAlias, ends = ends, target = other}, old_set)
    tell(kRenewed, key, other)
  end
  return present(other, tag, state, created, placed, ends)
end

-- `key` also finds the session of `other`.
local function aliased(key, other, ends)
  local old = read(key)
  if is_session(old) or key == other then return end
  local is_known = old and old.state == kAlias and old.target == other and old.ends > now
  if is_known then ends = math.max(ends, old.ends) end
  write(key, {state = kAlias, ends = ends, target = other}, old and set_of(old))
  if not is_known then tell(kAliased, key, other) end
end

local operations = {
  [kPresent] = function(ops, at)
    local key, tag, state, created, placed, rest
    key, tag, state, created, placed, rest, at = unpack_('>c16c8BI6I6I6', ops, at)
    return at, key, present(key, tag, state, now - created, now - placed, now + rest)
  end,
  [kLeft] = function(ops, at)
    local key, ended, keep
    key, ended, keep, at = unpack_('>c16I6I6', ops, at)
    left(key, now - ended, now + keep)
    return at
  end,
  [kExpired] = function(ops, at)
    local key, ended, rounding
    key, ended, rounding, at = unpack_('>c16I6I6', ops, at)
    expired(key, now - ended, rounding)
    return at
  end,
  [kRenewed] = function(ops, at)
    local key, other, tag, state, created, placed, rest
    key, other, tag, state, created, placed, rest, at = unpack_('>c16c16c8BI6I6I6', ops, at)
    return at, other, renewed(key, other, tag, state, now - created, now - placed, now + rest)
  end,
  [kAliased] = function(ops, at)
    local key, other, rest
    key, other, rest, at = unpack_('>c16c16I6', ops, at)
    aliased(key, other, now + rest)
    return at
  end
}

local functions = {}

-- ARGV[4]: operations, one after the other. Returns {key, what, text} for each that the index has
-- to say something about.
function functions.apply()
  know_me()
  local ops = ARGV[4]
  local answers = {}
  local at = 1
  while at <= #ops do
    local run = operations[byte(ops, at)]
    if not run then error({err = 'ERR an operation of an unknown kind'}) end
    local key, what, text
    at, key, what, text = run(ops, at + 1)
    if what then answers[#answers + 1] = {key, what, text} end
  end
  return answers
end

-- ARGV[4]: a key. Returns {1, key, tag, state, age, age of the place, time left}: the member that
-- asks is going to have the session; {2, age of the end}; or {0, whether this member has sent all
-- its sessions, so that the index is not one that came up empty}.
function functions.lookup()
  local key, e = follow(ARGV[4])
  if is_session(e) then
    know_me()
    if not find(e.holders, me, 1, true) then
      e.holders = e.holders .. me
      write(key, e)
    end
    return {1, key, e.tag, e.state, since(e.created), since(e.placed), e.ends - now}
  end
  if e and e.state == kEnded and e.ends > now then return {2, since(e.ended)} end
  local is_lead = e and e.state == kAlias and e.ends > now  -- too long to be followed
  return {0, is_lead and 0 or call('HEXISTS', prefix .. ':whole', name)}
end

-- ARGV[4]: the number of the last change that the member knows; ARGV[5]: how many to read at most.
-- Returns {number of the last change read, 1 if some before were lost, now, change...} without the
-- member's own changes; `now` is for the times in them.
function functions.changes()
  know_me()
  local last = tonumber(ARGV[4])
  local from = string.format('%d-0', last + 1)
  local found = call('XRANGE', kChanges, from, '+', 'COUNT', ARGV[5])
  local lost = 0
  local result = {last, 0, now}
  for _, entry in ipairs(found) do
    local number = tonumber(string.match(entry[1], '^%d+'))
    if number ~= last + 1 then lost = 1 end
    last = number
    local change = entry[2][2]
    if sub(change, 2, 2) ~= me then result[#result + 1] = change end
  end
  if #found == 0 and newest_change() ~= last then
    lost = 1
    last = newest_change()
  end
  result[1], result[2] = last, lost
  return result
end

-- ARGV[4]: the token of the member's incarnation and of this run of the server. Returns {1 if it
-- has sent all its sessions, number of the last change}.
function functions.join()
  know_me()
  local known = call('HGET', prefix .. ':whole', name) == ARGV[4]
  if not known then call('HDEL', prefix .. ':whole', name) end
  return {known and 1 or 0, newest_change()}
end

-- ARGV[4]: the token: the member has sent all its sessions.
function functions.complete()
  call('HSET', prefix .. ':whole', name, ARGV[4])
  call('HSET', prefix .. ':heard', name, now)
  return 1
end

-- ARGV[4]: 'current' if the member has nothing more to send; ARGV[5...]: tags. Returns for each tag
-- its live and pending sessions, then {name, token, ms since it was heard...} of the members that
-- have sent all.
function functions.counts()
  if ARGV[4] == 'current' then call('HSET', prefix .. ':heard', name, now) end
  local result = {}
  for i = 5, #ARGV do
    result[#result + 1] = call('ZCOUNT', prefix .. ':l:' .. ARGV[i], '(' .. now, '+inf')
    result[#result + 1] = call('ZCOUNT', prefix .. ':p:' .. ARGV[i], '(' .. now, '+inf')
  end
  local whole = call('HGETALL', prefix .. ':whole')
  local members = {}
  for i = 1, #whole, 2 do
    local heard = tonumber(call('HGET', prefix .. ':heard', whole[i]) or 0) or 0
    members[#members + 1] = whole[i]
    members[#members + 1] = whole[i + 1]
    members[#members + 1] = since(heard)
  end
  result[#result + 1] = members
  return result
end

-- ARGV[4]: a tag; ARGV[5]: names the occasion; ARGV[6]: how long ago the node's sessions have been
-- taken off it. It counts none that was placed there before. The second call on one occasion changes
-- nothing.
function functions.displaced()
  local before = call('HGET', kDisplaced, ARGV[4])
  if before and string.match(before, '^%d+ (.*)$') == ARGV[5] then return 0 end
  call('HSET', kDisplaced, ARGV[4], string.format('%d %s', now - tonumber(ARGV[6]), ARGV[5]))
  -- Renamed, since it may be large; `clean` finds the place of each.
  for _, kind in ipairs({':l:', ':p:'}) do
    local set = prefix .. kind .. ARGV[4]
    if call('EXISTS', set) == 1 then
      local gone = string.format('%s:gone:%s%d:%s', prefix, kind, now, ARGV[4])
      call('RENAME', set, gone)
      call('SADD', prefix .. ':gone', gone)
    end
  end
  return 1
end

-- Drops up to `room` entries of a set that are past their end. Returns for how many there is room.
local function clean(set, room)
  if room <= 0 then return 0 end
  local due = call('ZRANGEBYSCORE', set, '-inf', now, 'LIMIT', 0, room)
  for _, key in ipairs(due) do
    local e = read(key)
    call('ZREM', set, key)
    if not e or e.ends <= now then
      call('HDEL', bucket_of(key), key)
    else
      call('ZADD', set_of(e), e.ends, key)
    end
  end
  return room - #due
end

-- Finds the right set for up to `room` entries of one that `displaced` has put aside. Returns for how
-- many there is room.
local function sort(set, room)
  if room <= 0 then return 0 end
  local popped = call('ZPOPMIN', set, room)
  for i = 1, #popped, 2 do
    local key = popped[i]
    local e = read(key)
    if e and e.ends > now then
      call('ZADD', set_of(e), e.ends, key)
    elseif e then
      erase(key, set_of(e))
    end
  end
  return room - #popped / 2
end

-- ARGV[4]: how many entries to drop at most; ARGV[5...]: tags. Returns how many it dropped, or found
-- another set for.
function functions.clean()
  local most = tonumber(ARGV[4])
  local room = clean(kRest, most)
  for _, set in ipairs(call('SMEMBERS', prefix .. ':gone')) do
    room = sort(set, room)
    if call('EXISTS', set) == 0 then call('SREM', prefix .. ':gone', set) end
  end
  for i = 5, #ARGV do
    room = clean(prefix .. ':l:' .. ARGV[i], room)
    room = clean(prefix .. ':p:' .. ARGV[i], room)
  end
  return most - room
end

-- What a member that leaves has, for one that takes it over. ARGV[4]: its name; ARGV[5]: its token, by
-- which it has sent all its sessions; ARGV[6]: the first bucket to look at; ARGV[7]: after how many
-- entries to stop. Returns {next bucket, or -1 after the last; {key, tag, state, age, age of the place,
-- time left...} of sessions; {alias, key...}}. The member that asks then has them: it must take
-- them over, and can ask again.
function functions.take_over()
  know_me()
  local leaver, bucket, most = ARGV[4], tonumber(ARGV[6]), tonumber(ARGV[7])
  local number = call('HGET', prefix .. ':members', leaver)
  if not number or call('HGET', prefix .. ':whole', leaver) ~= ARGV[5] then
    return redis.error_reply('ERR the member has not sent all its sessions')
  end
  local holder = string.char(tonumber(number))
  local sessions, aliases = {}, {}
  local function add(key, e)
    if not find(e.holders, me, 1, true) then
      e.holders = e.holders .. me
      write(key, e)
    end
    local n = #sessions
    sessions[n + 1], sessions[n + 2], sessions[n + 3] = key, e.tag, e.state
    sessions[n + 4], sessions[n + 5] = since(e.created), since(e.placed)
    sessions[n + 6] = e.ends - now
  end
  local looked, last = 0, bucket + kBucketsAtOnce
  while bucket < kBucketCount and bucket < last and looked < most do
    local entries = call('HKEYS', kBuckets .. string.format('%04x', bucket))
    for _, key in ipairs(entries) do
      local e = read(key)
      if is_session(e) and find(e.holders, holder, 1, true) then
        add(key, e)
      elseif e and e.state == kAlias and e.ends > now then
        local of, target = follow(key)
        if is_session(target) and find(target.holders, holder, 1, true) then
          add(of, target)
          aliases[#aliases + 1], aliases[#aliases + 2] = key, of
        end
      end
    end
    looked = looked + #entries
    bucket = bucket + 1
  end
  return {bucket < kBucketCount and bucket or -1, sessions, aliases}
end

-- The board, on which members read what the others say, see board.h. ARGV[4]: what this one says; empty: what it
-- said before stays; ARGV[5]: its token; ARGV[6]: for how many milliseconds it takes or keeps the lease;
-- 0: not at all; below 0: it gives it up. Returns the token that holds the lease, and the statements by
-- name.
function functions.exchange()
  local statements, lease = prefix .. ':statements', prefix .. ':lease'
  if ARGV[4] ~= '' then call('HSET', statements, name, ARGV[4]) end
  local holder = call('GET', lease) or ''
  local wanted = tonumber(ARGV[6])
  if wanted > 0 and (holder == '' or holder == ARGV[5]) then
    holder = ARGV[5]
    call('SET', lease, holder, 'PX', wanted)
  elseif wanted < 0 and holder == ARGV[5] then
    holder = ''
    call('DEL', lease)
  end
  return {holder, call('HGETALL', statements)}
end

local run = functions[ARGV[1]]
if not run then return redis.error_reply('ERR unknown function') end
return run()
