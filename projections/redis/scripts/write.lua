-- Writes a batch, all or nothing: rows, states and progress. The batch counts only if each of its partitions
-- is claimed under the batch's epoch, and is where the batch begins. So a member that has lost a partition
-- can't write, and no batch is written twice.
--
-- ARGV: number; how many partitions, each with its name, epoch, first offset, next offset, end and time
-- ('': none); names and values of states, by turns; changes, as rows.lua reads them.
local number = take()
local is = standing(number)
if is ~= 'there' then
  return {string.upper(is)}
end
local build = tag .. ':' .. number .. ':'
if tonumber(redis.call('HGET', build .. '.build', 'held_until') or 0) > now() then
  return {'HELD'}
end

local progress = build .. '.progress'
local steps = {}
for i = 1, tonumber(take()) do
  local partition, epoch, from = take(), take(), take()
  local has = redis.call('HMGET', progress, partition .. '/epoch', partition .. '/next')
  if has[1] ~= epoch then
    return {'FENCED', partition, epoch, has[1] or '0'}
  elseif (has[2] or '-1') ~= from then
    return {'MOVED', partition, from, has[2] or '-1'}
  end
  local step = {partition .. '/next', take(), partition .. '/end', take()}
  local time = take()
  if time ~= '' then
    step[5], step[6] = partition .. '/time', time
  end
  steps[i] = step
end
local states = list()
local all = changes()
for _, change in ipairs(all) do
  local column, sum, add = overflow(build, change)
  if column then
    return {'SUM', change.table, column, sum, add}
  end
end

-- From here on nothing fails but the first write: Redis refuses that if its memory is full, as long as it is
-- one that takes memory, which the removal of a row is not. So the progress comes first.
for _, step in ipairs(steps) do
  redis.call('HSET', progress, unpack(step))
end
for i = 1, #states, 1000 do -- more than some thousands do not fit on Lua's stack
  redis.call('HSET', build .. '.states', unpack(states, i, math.min(i + 999, #states)))
end
for _, change in ipairs(all) do
  apply(build, change)
end
return {'OK'}
