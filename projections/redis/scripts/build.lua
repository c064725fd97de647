-- Builds as a whole.

-- make makes a build that is there and has nothing.
local function make(number, version, folds, from_tables, tables)
  redis.call('HSET', tag .. ':.builds', number, 'there')
  redis.call('HSET', tag .. ':' .. number .. ':.build', 'version', version, 'folds', folds,
    'status', 'filling', 'from_tables', from_tables, 'tables', tables, 'began', whole(now()),
    'held_until', '0')
end

-- shown returns a build as Go reads it.
local function shown(number)
  local about = redis.call('HMGET', tag .. ':' .. number .. ':.build',
    'version', 'folds', 'status', 'from_tables', 'began')
  table.insert(about, 1, number)
  return about
end
