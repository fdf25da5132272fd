import { toSeconds } from '../../core/units.ts';
import { KEPT_FOR } from '../../ports.ts';
import { KEY_NAMES } from './keys.ts';

// Each call is one script, because a script is the only thing Redis does all at once. Scripts read (and so fail) before they write, and
// their first write is one that Redis refuses when it is full, read-only or cannot save: it is refused whole or not at all.

/**
 * What every script begins with: the keys by name, and `each`, a command for all of a campaign's that live as long as its checkpoint. Of the
 * value of a lock, `owner_of` tells the owner (an empty one where it is nothing of ours), and `is_dead` whether it is one of those that
 * ARGV names from `first` on.
 */
export const HEAD = `
local ${KEY_NAMES} = unpack(KEYS)
local kept = {header, sent, failed, last_message, claims, outcomes, doubts, retries, owners}
local function each(command, ...)
  for _, key in ipairs(kept) do redis.call(command, key, ...) end
end
local function owner_of(value)
  local readable, owner = pcall(cjson.decode, value)
  return readable and owner or {}
end
local function is_dead(owner, first)
  for i = first, #ARGV do
    if owner.token == ARGV[i] then return true end
  end
  return false
end
`;

/** KEPT_FOR as `EX` and `EXPIRE` take it. */
export const KEPT_SECONDS = toSeconds(KEPT_FOR);
