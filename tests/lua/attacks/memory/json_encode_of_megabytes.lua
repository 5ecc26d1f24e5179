-- expect: limit memory_limit|cpu_limit; state kept
local text, t = ("x"):rep(1 << 20), {}
for i = 1, 1000 do t[i] = text end
return #json.encode(t)
