-- Returns states of the fold. A build that is not there is an error: with no state at all, every event would
-- look as if those before it were missing.
--
-- ARGV: number, names of states (at most 7,000: they must fit on Lua's stack).
local number = take()
local is = standing(number)
if is ~= 'there' then
  return {string.upper(is)}
end
return {'OK', redis.call('HMGET', tag .. ':' .. number .. ':.states', unpack(list()))}
