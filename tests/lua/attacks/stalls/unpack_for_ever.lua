-- expect: limit cpu_limit; state kept
local t = {}
while true do select("#", table.unpack(t, 1, 200000)) end
