-- expect: limit memory_limit; state kept
local t = {}
for i = 1, 1000 do t[i] = i end
table.sort(t, function(a, b) return #(("x"):rep(1 << 26)) > 0 and a < b end)
