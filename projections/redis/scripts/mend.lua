-- Writes rows past the progress, if that is what the caller has seen.
--
-- ARGV: number; names of partitions and their next offsets, by turns; changes, as rows.lua reads them.
local number = take()
local is = standing(number)
if is ~= 'there' then
  return {string.upper(is)}
end
local build = tag .. ':' .. number .. ':'
local claimed = 0
for _, field in ipairs(redis.call('HKEYS', build .. '.progress')) do
  if string.sub(field, -6) == '/epoch' then
    claimed = claimed + 1
  end
end
local seen = list()
if #seen ~= 2 * claimed then
  return {'MOVED', 'all', #seen / 2 .. ' partitions', claimed .. ' partitions'}
end
for i = 1, #seen, 2 do
  local next_one = redis.call('HGET', build .. '.progress', seen[i] .. '/next') or '-1'
  if next_one ~= seen[i + 1] then
    return {'MOVED', seen[i], seen[i + 1], next_one}
  end
end
for _, change in ipairs(changes()) do
  apply(build, change)
end
return {'OK'}
