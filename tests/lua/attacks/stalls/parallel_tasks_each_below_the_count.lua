-- expect: limit cpu_limit; state kept
local list = {}
for i = 1, 60 do list[i] = i end
while true do parallel.map(list, function() for _ = 1, 300 do end end, { limit = 64 }) end
