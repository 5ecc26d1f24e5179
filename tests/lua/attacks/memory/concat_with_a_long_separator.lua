-- expect: limit memory_limit; state kept
local t = {}
for i = 1, 1000 do t[i] = i end
return #table.concat(t, ("x"):rep(1000000))
