-- expect: limit memory_limit; state kept
local t = {}
for i = 1, 1e9 do t[i] = i end
