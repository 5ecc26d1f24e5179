-- expect: limit memory_limit|cpu_limit
local codes, t = {}, {}
for i = 1, 100000 do codes[i] = 1114111 end
while true do t[#t + 1] = utf8.char(table.unpack(codes)) end
