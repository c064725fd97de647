-- The beginning of every script.
--
-- KEYS[1] is the tag that all keys of a projection begin with: {refold:account_card}. It is a hash tag, so a
-- cluster keeps them all in one slot, and a script may touch any of them. ARGV is read item by item.
--
--   {tag}:.builds               hash: number -> 'there' or 'dropped'; numbers are never used again
--   {tag}:.live                 the number of the build that readers see
--   {tag}:3:.build              hash: version, folds, status, from_tables, tables, began, held_until
--   {tag}:3:.progress           hash: 'topic/0/epoch', 'topic/0/next', 'topic/0/end', 'topic/0/time'
--   {tag}:3:.states             hash: 'account/alice' -> '7:' and the state
--   {tag}:3:.keys:table         sorted set of the keys of the table's rows, all with score 0: by text
--   {tag}:3:.about:table        the same of '5:alice:key': the length of a subject, it, and a key
--   {tag}:3:table:key           hash: a row
local tag = KEYS[1]
local read = 0

-- take returns the next argument.
local function take()
  read = read + 1
  return ARGV[read]
end

-- list returns the next arguments, as many as the one before them says.
local function list()
  local items = {}
  for i = 1, tonumber(take()) do
    items[i] = take()
  end
  return items
end

-- standing returns 'there' or 'dropped', or 'lost' for a build that this Redis does not know. Redis was
-- emptied then, as no build goes without being dropped.
local function standing(number)
  return redis.call('HGET', tag .. ':.builds', number) or 'lost'
end

-- now returns the time in microseconds, which a number of Lua holds exactly.
local function now()
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000000 + tonumber(time[2])
end

-- whole writes a number without an exponent.
local function whole(number)
  return string.format('%.0f', number)
end
