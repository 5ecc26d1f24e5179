-- expect: harmless
local t = {}
for i = 1, 2e5 do t[i] = ("x"):rep(i % 50) end
while true do pcall(table.sort, t, rawequal) end
