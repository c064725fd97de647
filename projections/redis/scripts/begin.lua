-- Returns the newest build with a version and folds, or makes one. Of several callers, one makes it: no other
-- script runs meanwhile.
--
-- ARGV: version, folds, from_tables, tables, anew ('1': make one in any case).
local version, folds, from_tables, tables, anew = take(), take(), take(), take(), take()
local last, found = 0, 0
local all = redis.call('HGETALL', tag .. ':.builds')
for i = 1, #all, 2 do
  local number = tonumber(all[i])
  last = math.max(last, number)
  if all[i + 1] == 'there' and number > found then
    local made = redis.call('HMGET', tag .. ':' .. all[i] .. ':.build', 'version', 'folds')
    if made[1] == version and made[2] == folds then
      found = number
    end
  end
end
if found == 0 or anew == '1' then
  found = last + 1
  make(whole(found), version, folds, from_tables, tables)
end
return {'OK', shown(whole(found))}
