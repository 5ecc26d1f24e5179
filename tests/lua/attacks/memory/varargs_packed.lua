-- expect: limit memory_limit|cpu_limit
local t = {}
while true do t[#t + 1] = table.pack(table.unpack({}, 1, 200000)) end
