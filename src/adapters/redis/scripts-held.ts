import { LOCK_LIFE } from '../../ports.ts';
import { HEAD, KEPT_SECONDS } from './scripts-head.ts';

// What a run asks of the checkpoint that it holds.

/**
 * ARGV of every script below it: our lock, our run, the number of this step (0: no step, a heartbeat) with how many steps, of whatever run, we
 * know to have been applied, whether our line is `held` or `lent`. A Redis that knows of fewer steps went back in time, as one does after a
 * fail-over. Every answer tells their number.
 */
const HELD = `${HEAD}
local mine, run, line = ARGV[1], ARGV[2], ARGV[4]
local step, known = string.match(ARGV[3], '^(%d+) (%d+)$')
step, known = tonumber(step), tonumber(known)
local steps = redis.call('HMGET', header, 'applied', 'steps')
local by, last = string.match(steps[1] or '', '^(%S+) (%d+)$')
local applied, total = by == run and tonumber(last) or 0, tonumber(steps[2] or '0')
local function lost()
  local first, second = redis.call('GET', lock), redis.call('GET', line_lock)
  if line == 'lent' then second = mine end
  if first ~= mine or second ~= mine then return {'lost', first, second} end
  if total < known then return {'back'} end
end
local function asked(steps) return {'ok', steps, redis.call('EXISTS', pause), redis.call('EXISTS', line_wanted)} end
local function prolong(full)
  for _, key in ipairs(line == 'lent' and {lock} or {lock, line_lock}) do
    if full then redis.call('SET', key, mine, 'PX', ${LOCK_LIFE}) else redis.call('PEXPIRE', key, ${LOCK_LIFE}) end
  end
end
`;

/** Everything a run finds. */
export const RECOVER = `${HELD}
local gone = lost()
if gone then return gone end
prolong(false)
local all = redis.call('HMGET', header, 'version', 'json', 'server')
local answer = {'ok', total, all[1], all[2], all[3], redis.call('GET', pacing), redis.call('GET', sent), redis.call('GET', failed)}
for _, key in ipairs({claims, outcomes, doubts, retries, owners}) do answer[#answer + 1] = redis.call('HGETALL', key) end
return answer
`;

/**
 * Applies changes in order. ARGV after the first four: `grow` or `shrink` (which needs no memory), pacing or '', how many owners, their
 * tokens and JSON, then for each change its kind, message and what is kept of it. Kinds: c(laim), d(oubt), r(etry), s(ent), f(ailed),
 * x (forget), o (stored). What is read is read at once and what changed is written at once, so that hundreds of changes are a dozen commands.
 */
export const COMMIT = `${HELD}
local gone = lost()
if gone then return gone end
if applied >= step then
  prolong(false)
  return asked(total)
end

local homes = {c = claims, d = doubts, r = retries, s = outcomes, f = outcomes}
local owners_from = 8
local changes_from = owners_from + 2 * tonumber(ARGV[7])
local ids, before, now, value = {}, {}, {}, {}
for i = changes_from + 1, #ARGV, 3 do
  local id = ARGV[i]
  if before[id] == nil then
    before[id] = false
    ids[#ids + 1] = id
  end
end
local function in_chunks(list, work)
  for first = 1, #list, 1000 do work(first, math.min(first + 999, #list)) end
end
for kind, home in pairs({c = claims, d = doubts, r = retries, o = outcomes}) do
  if redis.call('HLEN', home) > 0 then
    in_chunks(ids, function(first, last)
      local found = redis.call('HMGET', home, unpack(ids, first, last))
      for i = first, last do
        local payload = found[i - first + 1]
        if payload then before[ids[i]] = kind == 'o' and string.sub(payload, 1, 1) or kind end
      end
    end)
  end
end
for _, id in ipairs(ids) do now[id] = before[id] end

local count, latest = {s = 0, f = 0}, nil
for i = changes_from, #ARGV, 3 do
  local kind, id = ARGV[i], ARGV[i + 1]
  local at = now[id]
  if kind == 'o' then
    if at == 's' or at == 'f' then now[id] = false end
  elseif kind == 'x' then
    now[id] = false
  else
    if count[kind] and at then
      count[kind] = count[kind] + 1
      if count[at] then count[at] = count[at] - 1 else latest = id end
    end
    now[id] = kind
    value[id] = ARGV[i + 2]
  end
end

prolong(ARGV[5] == 'grow')
local owner_args = {}
for i = owners_from, changes_from - 1 do owner_args[#owner_args + 1] = ARGV[i] end
if #owner_args > 0 then redis.call('HSET', owners, unpack(owner_args)) end
if count.s ~= 0 then redis.call('INCRBY', sent, count.s) end
if count.f ~= 0 then redis.call('INCRBY', failed, count.f) end
if latest then redis.call('SET', last_message, latest) end
local remove, put = {}, {}
for _, home in pairs(homes) do remove[home], put[home] = {}, {} end
for _, id in ipairs(ids) do
  local old, new = homes[before[id]], homes[now[id]]
  if old and old ~= new then table.insert(remove[old], id) end
  if new and value[id] then
    table.insert(put[new], id)
    table.insert(put[new], value[id])
  end
end
for home, list in pairs(remove) do
  in_chunks(list, function(first, last) redis.call('HDEL', home, unpack(list, first, last)) end)
end
for home, list in pairs(put) do
  in_chunks(list, function(first, last) redis.call('HSET', home, unpack(list, first, last)) end)
end
if ARGV[6] ~= '' and line == 'held' then redis.call('SET', pacing, ARGV[6], 'EX', ${KEPT_SECONDS}) end
redis.call('HSET', header, 'applied', run .. ' ' .. step, 'steps', total + 1)
return asked(total + 1)
`;

/** ARGV after the first four: version, header, sent, failed, `finished` or '', our token, our owner, the server. Drops owners nobody refers to. */
export const BEGIN = `${HELD}
local gone = lost()
if gone then return gone end
if applied >= step then
  prolong(false)
  return {'ok', total}
end
local used = {[ARGV[10]] = true}
for _, home in ipairs({claims, doubts}) do
  for _, json in ipairs(redis.call('HVALS', home)) do used[cjson.decode(json).owner] = true end
end
local unused = {}
for _, token in ipairs(redis.call('HKEYS', owners)) do
  if not used[token] then unused[#unused + 1] = token end
end
prolong(true)
redis.call('HSET', header, 'version', ARGV[5], 'json', ARGV[6], 'server', ARGV[12], 'applied', run .. ' ' .. step, 'steps', total + 1)
redis.call('HDEL', header, 'released')
redis.call('SET', sent, ARGV[7])
redis.call('SET', failed, ARGV[8])
for _, token in ipairs(unused) do redis.call('HDEL', owners, token) end
redis.call('HSET', owners, ARGV[10], ARGV[11])
if ARGV[9] == '' then each('PERSIST') end
return {'ok', total + 1}
`;

/** ARGV after the first four: `finished`, `unfinished` or `as it is`; version, header. A repeated release finds its own name and is content. */
export const RELEASE = `${HELD}
local gone = lost()
if gone then
  if redis.call('HGET', header, 'released') == run then return {'ok', total} end
  return gone
end
local begun = redis.call('HEXISTS', header, 'json') == 1
redis.call('HSET', header, 'released', run)
redis.call('DEL', pause, lock)
if line == 'held' then redis.call('DEL', line_lock) end
if ARGV[5] ~= 'as it is' then redis.call('HSET', header, 'version', ARGV[6], 'json', ARGV[7]) end
if ARGV[5] == 'unfinished' then each('PERSIST') end
if ARGV[5] == 'finished' or (ARGV[5] == 'as it is' and not begun) then each('EXPIRE', ${KEPT_SECONDS}) end
return {'ok', total}
`;

/** Gives the line's lock away. A repeated one finds it given away. */
export const LEND_LINE = `${HELD}
local gone = lost()
if gone then return gone end
prolong(false)
if redis.call('GET', line_lock) == mine then redis.call('DEL', line_lock) end
return {'ok', total}
`;

/** Takes it back. ARGV after the first four: tokens of dead owners. A repeated one finds it ours. */
export const TAKE_LINE = `${HELD}
local gone = lost()
if gone then return gone end
prolong(false)
local value = redis.call('GET', line_lock)
if value and value ~= mine and not is_dead(owner_of(value), 5) then return {'ok', total, 'held', value} end
if value ~= mine and redis.call('EXISTS', line_wanted) == 1 then return {'ok', total, 'wanted'} end
redis.call('SET', line_lock, mine, 'PX', ${LOCK_LIFE})
return {'ok', total, 'taken', redis.call('GET', pacing)}
`;
