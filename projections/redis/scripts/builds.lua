-- Returns all builds that are there, in no order.
local all = redis.call('HGETALL', tag .. ':.builds')
local builds = {'OK'}
for i = 1, #all, 2 do
  if all[i + 1] == 'there' then
    builds[#builds + 1] = shown(all[i])
  end
end
return builds
