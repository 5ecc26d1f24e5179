-- expect: limit memory_limit|cpu_limit
local t = {}
while true do t[#t + 1] = ("%s%s"):format(("x"):rep(1000000), #t) end
