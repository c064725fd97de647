-- Returns rows by their keys, all of one moment. It follows the pointer to the live build itself, so that the
-- rows are of one build, however builds change.
--
-- ARGV: number ('': the live one), table, columns, keys. Columns of a row that is not there are all null.
local number, name = take(), take()
if number == '' then
  number = redis.call('GET', tag .. ':.live')
  if not number then
    return {'NONE'}
  end
end
local is = standing(number)
if is ~= 'there' then
  return {string.upper(is)}
end
local columns = list()
local rows = {}
for i, key in ipairs(list()) do
  rows[i] = redis.call('HMGET', tag .. ':' .. number .. ':' .. name .. ':' .. key, unpack(columns))
end
return {'OK', rows}
