-- Removes a build. The first call ends it; each removes some rows, so that no call takes long, and says
-- 'more' while there are any. A drop that was cut short goes on with the next call.
--
-- ARGV: number, how many rows to remove at most.
local number, most = take(), tonumber(take())
if redis.call('GET', tag .. ':.live') == number then
  return {'LIVE'}
end
local build = tag .. ':' .. number .. ':'
local tables = redis.call('HGET', build .. '.build', 'tables')
if standing(number) == 'lost' or not tables then
  return {'DROPPED'}
end
redis.call('HSET', tag .. ':.builds', number, 'dropped')
for name in string.gmatch(tables, '[^ ]+') do
  local keys = build .. '.keys:' .. name
  local rows = redis.call('ZRANGE', keys, 0, most - 1)
  if #rows > 0 then
    for _, key in ipairs(rows) do
      redis.call('UNLINK', build .. name .. ':' .. key)
    end
    redis.call('ZREMRANGEBYRANK', keys, 0, #rows - 1)
    return {'OK', 'more'}
  end
  redis.call('UNLINK', build .. '.about:' .. name)
end
redis.call('UNLINK', build .. '.states', build .. '.progress', build .. '.build')
return {'OK'}
