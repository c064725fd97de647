-- Changes of rows, for write.lua and mend.lua. A script that fails is not undone: so all is checked before
-- the first write, and no write can fail by what it is given.

-- changes reads changes, by table: its name, its subject columns, and the changes of its rows. What a change
-- has depends on what it does:
--
--   put:    key; columns and values of the row, by turns
--   delete: key
--   merge:  key; the same, of a row that is not there yet; then of a row that is there: columns and values to
--           set, columns to make null, columns and numbers to add
local function changes()
  local all = {}
  for _ = 1, tonumber(take()) do
    local name, subjects = take(), list()
    for _ = 1, tonumber(take()) do
      local change = {table = name, subjects = subjects, op = take(), key = take()}
      if change.op ~= 'delete' then
        change.values = list()
      end
      if change.op == 'merge' then
        change.set, change.clear, change.add = list(), list(), list()
      end
      all[#all + 1] = change
    end
  end
  return all
end

-- halves returns a whole number as billions and the rest, both with its sign. A number of Lua holds 53 bits
-- exactly, not 64.
local function halves(text)
  local sign, digits = 1, text
  if string.sub(text, 1, 1) == '-' then
    sign, digits = -1, string.sub(text, 2)
  end
  local billions = string.sub(digits, 1, -10)
  if billions == '' then
    billions = '0'
  end
  return sign * tonumber(billions, 10), sign * tonumber(string.sub(digits, -9), 10)
end

-- fits reports whether the sum of two numbers of 64 bits is one.
local function fits(a, b)
  local high, low = halves(a)
  local more, rest = halves(b)
  high, low = high + more, low + rest
  local carry = math.floor(low / 1000000000)
  high, low = high + carry, low - carry * 1000000000
  if high == 9223372036 then
    return low <= 854775807
  elseif high == -9223372037 then -- the least is -9,223,372,037 billions and 145,224,192
    return low >= 145224192
  end
  return high > -9223372037 and high < 9223372036
end

-- overflow returns the column of a merge, and its sum, that would be more than 64 bits hold; nil: none would.
local function overflow(build, change)
  if change.op ~= 'merge' then
    return nil
  end
  for i = 1, #change.add, 2 do
    local sum = redis.call('HGET', build .. change.table .. ':' .. change.key, change.add[i])
    if sum and not fits(sum, change.add[i + 1]) then
      return change.add[i], sum, change.add[i + 1]
    end
  end
  return nil
end

-- subjects returns whom a row is about, column by column; false for null, and if there is no row.
local function subjects(row, change)
  if #change.subjects == 0 then
    return {}
  end
  return redis.call('HMGET', row, unpack(change.subjects))
end

-- index makes what is kept of a row's subjects what it is after a change.
local function index(build, change, before, after)
  local same = true
  for i = 1, #change.subjects do
    same = same and before[i] == after[i]
  end
  if same then
    return
  end
  local about = build .. '.about:' .. change.table
  for _, subject in ipairs(before) do
    if subject then
      redis.call('ZREM', about, #subject .. ':' .. subject .. ':' .. change.key)
    end
  end
  for _, subject in ipairs(after) do
    if subject then
      redis.call('ZADD', about, 0, #subject .. ':' .. subject .. ':' .. change.key)
    end
  end
end

-- merge changes some columns of a row that is there.
local function merge(row, change)
  if #change.set > 0 then
    redis.call('HSET', row, unpack(change.set))
  end
  if #change.clear > 0 then
    redis.call('HDEL', row, unpack(change.clear))
  end
  for i = 1, #change.add, 2 do
    redis.call('HINCRBY', row, change.add[i], change.add[i + 1])
  end
end

-- apply changes a row, and what is kept of keys and subjects.
local function apply(build, change)
  local row = build .. change.table .. ':' .. change.key
  local keys = build .. '.keys:' .. change.table
  local before = subjects(row, change)
  if change.op == 'merge' and redis.call('EXISTS', row) == 1 then
    merge(row, change)
  else
    local was = redis.call('DEL', row) == 1
    if change.op ~= 'delete' then
      redis.call('HSET', row, unpack(change.values))
      if not was then
        redis.call('ZADD', keys, 0, change.key)
      end
    elseif was then
      redis.call('ZREM', keys, change.key)
    end
  end
  index(build, change, before, subjects(row, change))
end
