import { LOCK_LIFE } from '../../ports.ts';
import { HEAD, KEPT_SECONDS } from './scripts-head.ts';

// What is asked of checkpoints without holding one.

/** Both locks or none. ARGV: our lock, our token, campaign, the newest version we know, tokens of dead owners. */
export const ACQUIRE = `${HEAD}
local mine, token, campaign = ARGV[1], ARGV[2], tonumber(ARGV[3])
local version = tonumber(redis.call('HGET', header, 'version') or '0')
if version > tonumber(ARGV[4]) then return {'newer', version} end
local held, again = {}, false
for name, key in pairs({campaign = lock, line = line_lock}) do
  local value = redis.call('GET', key)
  if value then
    local owner = owner_of(value)
    local ours = owner.token == token and owner.campaign == campaign
    if not ours and not is_dead(owner, 5) then held[name] = value end
    again = again or (ours and name == 'campaign')
  end
end
if held.campaign then return {'campaign', held.campaign} end
if held.line then return {'line', held.line} end
redis.call('SET', lock, mine, 'PX', ${LOCK_LIFE})
redis.call('SET', line_lock, mine, 'PX', ${LOCK_LIFE})
if not again then redis.call('DEL', pause) end
if redis.call('GET', line_wanted) == token then redis.call('DEL', line_wanted) end
return {'ok'}
`;

/** ARGV: who wants the line, for how many milliseconds. */
export const WANT_LINE = `${HEAD}
redis.call('SET', line_wanted, ARGV[1], 'PX', ARGV[2])
return {'ok'}
`;

/** ARGV: by how much `sent` and `failed` move, the name of this call. A repeated one finds its own name; calls are made one after another. */
export const MOVE_COUNTERS = `${HEAD}
if redis.call('HEXISTS', header, 'json') == 0 or redis.call('HGET', header, 'moved') == ARGV[3] then return {'ok'} end
redis.call('HSET', header, 'moved', ARGV[3])
redis.call('INCRBY', sent, ARGV[1])
redis.call('INCRBY', failed, ARGV[2])
return {'ok'}
`;

/** ARGV: the header as it was read, and as it is to be, `finished` or '', tokens of dead owners. Whoever begins a run meanwhile has changed it. */
export const REVISE = `${HEAD}
local value = redis.call('GET', lock)
if value and not is_dead(owner_of(value), 4) then return 0 end
if redis.call('HGET', header, 'json') ~= ARGV[1] then return 0 end
redis.call('HSET', header, 'json', ARGV[2])
redis.call('DEL', lock)
if ARGV[3] == 'finished' then each('EXPIRE', ${KEPT_SECONDS}) end
return 1
`;

/** What can be seen without holding anything. */
export const VIEW = `${HEAD}
local unstored = {s = 0, f = 0}
for _, payload in ipairs(redis.call('HVALS', outcomes)) do
  local kind = string.sub(payload, 1, 1)
  unstored[kind] = unstored[kind] + 1
end
local about = redis.call('HMGET', header, 'version', 'json')
return {about[1], about[2], redis.call('GET', lock), redis.call('GET', sent), redis.call('GET', failed), redis.call('GET', last_message),
  redis.call('HLEN', doubts), redis.call('HLEN', claims), redis.call('HLEN', retries), unstored.s, unstored.f}
`;

/** 1 when a run holds the campaign and will read it. */
export const REQUEST_PAUSE = `${HEAD}
if redis.call('EXISTS', lock) == 0 then return 0 end
redis.call('SET', pause, '1')
return 1
`;
