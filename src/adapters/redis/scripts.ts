// A script is the only thing Redis does all at once. It reads (and so fails) before it writes, and its first write is one that Redis refuses
// when it is full, read-only or cannot save: it is refused whole or not at all. Either may be repeated.

/**
 * KEYS: those of one name (see keys.ts). ARGV: the epoch. Answers all fields (field, value, field, value), as they were; nil where a later
 * epoch has opened it.
 */
export const OPEN = `
local found = redis.call('HGETALL', KEYS[1])
local last = redis.call('HGET', KEYS[1], '@epoch')
if last and tonumber(last) > tonumber(ARGV[1]) then return nil end
redis.call('HSET', KEYS[1], '@epoch', ARGV[1], '@step', 0)
for _, key in ipairs(KEYS) do redis.call('PERSIST', key) end
return found
`;

/**
 * KEYS: those of each name. ARGV: the step, \`grow\` or \`free\` (which needs no memory), and for each name: how many keys, the epoch, how long
 * it is kept (milliseconds, \`good\`, or empty: as it is), the numbers of arguments that follow to put and to take; one for each copy (\`=\` and
 * its value, \`gone\`, or empty: as it is); fields and values to put; fields to take. Answers nil where that was the next step, else how each name
 * stands: epoch and step.
 */
export const WRITE = `
local step, names, stands, fits, at, key = tonumber(ARGV[1]), {}, {}, true, 3, 1
while at <= #ARGV do
  local name = {key = key, keys = tonumber(ARGV[at]), kept = ARGV[at + 2], copies = at + 5}
  name.put = name.copies + name.keys - 1
  name.taken = name.put + tonumber(ARGV[at + 3])
  name.over = name.taken + tonumber(ARGV[at + 4])
  local stand = redis.call('HMGET', KEYS[key], '@epoch', '@step')
  fits = fits and stand[1] == ARGV[at + 1]
  table.insert(stands, stand)
  table.insert(names, name)
  at, key = name.over, key + name.keys
end
if not fits or tonumber(stands[1][2]) ~= step - 1 then return stands end

local function call(command, key, from, over)
  for first = from, over - 1, 4000 do
    redis.call(command, key, unpack(ARGV, first, math.min(first + 3999, over - 1)))
  end
end
if ARGV[2] == 'free' then redis.call('HDEL', KEYS[1], '@') end
redis.call('HSET', KEYS[1], '@step', ARGV[1])
for _, name in ipairs(names) do
  local hash = KEYS[name.key]
  call('HDEL', hash, name.taken, name.over)
  call('HSET', hash, name.put, name.taken)
  for i = 1, name.keys - 1 do
    local copy, value = KEYS[name.key + i], ARGV[name.copies + i - 1]
    if value == 'gone' then
      redis.call('DEL', copy)
    elseif value ~= '' then
      redis.call('SET', copy, string.sub(value, 2))
      local left = redis.call('PTTL', hash)
      if left > 0 then redis.call('PEXPIRE', copy, left) end
    end
  end
  for i = name.key, name.key + name.keys - 1 do
    if name.kept == 'good' then
      redis.call('PERSIST', KEYS[i])
    elseif name.kept ~= '' then
      redis.call('PEXPIRE', KEYS[i], name.kept)
    end
  end
end
return nil
`;
