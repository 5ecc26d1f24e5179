-- expect: harmless
local t = {}
for i = 1, 3e5 do t[i] = i < 1.5e5 and i or 3e5 - i end
while true do table.sort(t, function(a, b) return a > b end) end
