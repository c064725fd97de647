-- Makes a build the one that readers see, if it has taken all that the live one has. Otherwise it holds the
-- live one for a time: nobody writes to it until then, so that this one can come level.
--
-- ARGV: number; how long to hold the live one, in microseconds.
local number, hold = take(), tonumber(take())
local is = standing(number)
if is ~= 'there' then
  return {string.upper(is)}
end
local build = tag .. ':' .. number .. ':'
local live = redis.call('GET', tag .. ':.live')
if live == number then
  return {'OK'}
end
if live then
  local before = tag .. ':' .. live .. ':'
  local has = redis.call('HGETALL', before .. '.progress')
  for i = 1, #has, 2 do
    if string.sub(has[i], -5) == '/next' then
      local mine = redis.call('HGET', build .. '.progress', has[i])
      if not mine then -- claimed and not written to; or not claimed, as of a partition without records
        local epoch = string.sub(has[i], 1, -5) .. 'epoch'
        mine = redis.call('HEXISTS', build .. '.progress', epoch) == 1 and '-1' or '0'
      end
      if tonumber(mine) < tonumber(has[i + 1]) then
        redis.call('HSET', before .. '.build', 'held_until', whole(now() + hold))
        return {'BEHIND', has[i], mine, has[i + 1]}
      end
    end
  end
  redis.call('HSET', before .. '.build', 'status', 'kept', 'held_until', '0')
end
redis.call('SET', tag .. ':.live', number)
redis.call('HSET', build .. '.build', 'status', 'live', 'held_until', '0')
return {'OK'}
