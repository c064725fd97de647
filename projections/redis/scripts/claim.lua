-- Raises the epochs of partitions, and returns the progress of the build. All who have claimed them before
-- can't write any more.
--
-- If Redis was emptied, the build begins again from nothing, under its old number. It is not live then, so
-- that no reader sees it half filled. If another build has begun meanwhile, this one is gone.
--
-- ARGV: number, version, folds, from_tables, tables, partitions.
local number, version, folds, from_tables, tables = take(), take(), take(), take(), take()
local is = standing(number)
if is == 'dropped' or is == 'lost' and redis.call('EXISTS', tag .. ':.builds') == 1 then
  return {'DROPPED'}
end
if is == 'lost' then
  make(number, version, folds, from_tables, tables)
end
local progress = tag .. ':' .. number .. ':.progress'
for _, partition in ipairs(list()) do
  redis.call('HINCRBY', progress, partition .. '/epoch', 1)
end
return {'OK', redis.call('HGETALL', progress)}
