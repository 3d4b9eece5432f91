//! What the Redis server does in one step, in its own language.
//!
//! Each script is atomic and gives a number: 1 where it is done, or was done before by the same writer; below, why not.
//! A change carries the number of the turn that it follows and a word that only its writer knows, so that one whose answer
//! was lost can be asked for again and is still made once. Records are opaque here: what a script must know of an item
//! stands beside its record.

use redis::Script;

/// There is no such item, or it was withdrawn.
pub(super) const UNKNOWN: i64 = -1;
/// It is not at the turn that the change follows.
pub(super) const CONFLICT: i64 = -2;
/// There is no room.
pub(super) const FULL: i64 = -3;

/// KEYS: item, body, all, due, usage, withdrawn. ARGV: id, word, record, body, workspace, sealed, time, due, erase at, and
/// the bounds: items, bytes, those of the workspace.
const PUT: &str = r"
if redis.call('EXISTS', KEYS[6]) == 1 then return -1 end
local word = redis.call('HGET', KEYS[1], 'word')
if word then
  if word == ARGV[2] then return 1 end
  return -2
end
local items, bytes, own_items, own_bytes = unpack(redis.call('HMGET', KEYS[5], 'items', 'bytes', 'items:' .. ARGV[5], 'bytes:' .. ARGV[5]))
local size = tonumber(ARGV[6])
if tonumber(items or 0) >= tonumber(ARGV[10]) or tonumber(bytes or 0) + size > tonumber(ARGV[11])
  or tonumber(own_items or 0) >= tonumber(ARGV[12]) or tonumber(own_bytes or 0) + size > tonumber(ARGV[13]) then
  return -3
end
redis.call('SET', KEYS[2], ARGV[4], 'PXAT', ARGV[9])
redis.call('HSET', KEYS[1], 'record', ARGV[3], 'turn', '0', 'word', ARGV[2], 'content', '1', 'workspace', ARGV[5], 'sealed', ARGV[6])
redis.call('ZADD', KEYS[3], ARGV[7], ARGV[1])
redis.call('ZADD', KEYS[4], ARGV[8], ARGV[1])
redis.call('HINCRBY', KEYS[5], 'items', 1)
redis.call('HINCRBY', KEYS[5], 'bytes', ARGV[6])
redis.call('HINCRBY', KEYS[5], 'items:' .. ARGV[5], 1)
redis.call('HINCRBY', KEYS[5], 'bytes:' .. ARGV[5], ARGV[6])
return 1
";

/// KEYS: item, body, due, over, untold, usage, releasing. ARGV: id, turn, word, record, due, over, untold (each a score, or
/// empty where the item is not in that set), content (1 or 0), owner (empty: it is not being sent), and the word that the
/// last change must have had (empty: any).
const CHANGE: &str = r"
local turn, word, content, workspace, sealed = unpack(redis.call('HMGET', KEYS[1], 'turn', 'word', 'content', 'workspace', 'sealed'))
if not turn then return -1 end
if turn == ARGV[2] and word == ARGV[3] then return 1 end
if tonumber(turn) + 1 ~= tonumber(ARGV[2]) then return -2 end
if ARGV[10] ~= '' and word ~= ARGV[10] then return -2 end
redis.call('HSET', KEYS[1], 'record', ARGV[4], 'turn', ARGV[2], 'word', ARGV[3], 'content', ARGV[8])
for at = 3, 5 do
  local score = ARGV[at + 2]
  if score == '' then redis.call('ZREM', KEYS[at], ARGV[1]) else redis.call('ZADD', KEYS[at], score, ARGV[1]) end
end
if ARGV[9] == '' then redis.call('HDEL', KEYS[7], ARGV[1]) else redis.call('HSET', KEYS[7], ARGV[1], ARGV[9]) end
if content == '1' and ARGV[8] == '0' then
  redis.call('UNLINK', KEYS[2])
  redis.call('HINCRBY', KEYS[6], 'items', -1)
  redis.call('HINCRBY', KEYS[6], 'bytes', -tonumber(sealed))
  redis.call('HINCRBY', KEYS[6], 'items:' .. workspace, -1)
  redis.call('HINCRBY', KEYS[6], 'bytes:' .. workspace, -tonumber(sealed))
end
return 1
";

/// KEYS: item, body, all, due, over, untold, releasing, usage, withdrawn, damaged item, damaged body. ARGV: id, what for, how
/// long in milliseconds the rest of it stays. `forget`: it is at its end. `withdraw`: its client was told that it is not held,
/// and nobody has decided. `damage`: its record does not hold; it is kept apart.
const REMOVE: &str = r"
local turn, content, workspace, sealed = unpack(redis.call('HMGET', KEYS[1], 'turn', 'content', 'workspace', 'sealed'))
if ARGV[2] == 'withdraw' then redis.call('SET', KEYS[9], '1', 'PX', ARGV[3]) end
if ARGV[2] == 'forget' and content == '1' then return -2 end
if ARGV[2] == 'withdraw' and turn ~= '0' then return -2 end
for at = 3, 6 do redis.call('ZREM', KEYS[at], ARGV[1]) end
redis.call('HDEL', KEYS[7], ARGV[1])
if redis.call('EXISTS', KEYS[1]) == 0 then return -1 end
if content == '1' then
  local size = tonumber(sealed) or 0
  workspace = workspace or ''
  redis.call('HINCRBY', KEYS[8], 'items', -1)
  redis.call('HINCRBY', KEYS[8], 'bytes', -size)
  redis.call('HINCRBY', KEYS[8], 'items:' .. workspace, -1)
  redis.call('HINCRBY', KEYS[8], 'bytes:' .. workspace, -size)
end
if ARGV[2] == 'damage' then
  redis.call('RENAME', KEYS[1], KEYS[10])
  redis.call('PEXPIRE', KEYS[10], ARGV[3])
  if redis.call('EXISTS', KEYS[2]) == 1 then redis.call('RENAME', KEYS[2], KEYS[11]) end
else
  redis.call('UNLINK', KEYS[1], KEYS[2])
end
return 1
";

/// The scripts.
pub(super) struct Scripts {
    pub(super) put: Script,
    pub(super) change: Script,
    pub(super) remove: Script,
}

impl Scripts {
    pub(super) fn new() -> Self {
        Self { put: Script::new(PUT), change: Script::new(CHANGE), remove: Script::new(REMOVE) }
    }
}
