-- Returns a page of a table's rows by a sorted set of their keys, in the order of its members, and the last of
-- them. The next page begins after that: so a row that is there all the time is seen exactly once.
--
-- ARGV: number, table, set ('.keys' or '.about'), how many bytes of a member are before its key, least and
-- greatest member (see ZRANGEBYLEX), how many rows at most, columns.
local number, name, set, before = take(), take(), take(), tonumber(take())
local least, greatest, most = take(), take(), take()
local is = standing(number)
if is ~= 'there' then
  return {string.upper(is)}
end
local build = tag .. ':' .. number .. ':'
local columns = list()
local members = redis.call('ZRANGEBYLEX', build .. set .. ':' .. name, least, greatest, 'LIMIT', 0, most)
local rows = {}
for i, member in ipairs(members) do
  rows[i] = redis.call('HMGET', build .. name .. ':' .. string.sub(member, before + 1), unpack(columns))
end
return {'OK', members[#members] or '', rows}
