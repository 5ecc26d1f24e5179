-- expect: limit cpu_limit
local t = {}
for i = 1, 200000 do t[i] = { i } end
while true do collectgarbage() end
