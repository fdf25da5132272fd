-- A commit that writes the same facts and proves nothing: it reads neither the locks nor what is there, and neither notices that it is
-- repeated nor that Redis went back in time.
local from = 8 + 2 * tonumber(ARGV[7])
local put, remove, count = {}, {}, {s = 0, f = 0}
local homes = {c = claims, d = doubts, r = retries, s = outcomes, f = outcomes}
for _, home in pairs(homes) do put[home], remove[home] = {}, {} end
for i = from, #ARGV, 3 do
  local kind, id, value = ARGV[i], ARGV[i + 1], ARGV[i + 2]
  if kind == 'o' then
    table.insert(remove[outcomes], id)
  else
    if kind ~= 'c' then table.insert(remove[claims], id) end
    if count[kind] then count[kind] = count[kind] + 1 end
    if homes[kind] then
      table.insert(put[homes[kind]], id)
      table.insert(put[homes[kind]], value)
    end
  end
end
for home, list in pairs(remove) do
  for first = 1, #list, 1000 do redis.call('HDEL', home, unpack(list, first, math.min(first + 999, #list))) end
end
for home, list in pairs(put) do
  for first = 1, #list, 1000 do redis.call('HSET', home, unpack(list, first, math.min(first + 999, #list))) end
end
if count.s > 0 then redis.call('INCRBY', sent, count.s) end
if count.f > 0 then redis.call('INCRBY', failed, count.f) end
if ARGV[6] ~= '' then redis.call('SET', pacing, ARGV[6]) end
redis.call('PEXPIRE', lock, 15000)
redis.call('PEXPIRE', line_lock, 15000)
return {'ok', 0, 0, 0}
