-- expect: value 5000
local sum = 0
for i = 1, 5000 do sum = sum + coroutine.wrap(function() coroutine.yield(1) end)() end
return sum
