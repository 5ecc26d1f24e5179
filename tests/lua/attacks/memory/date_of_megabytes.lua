-- expect: limit memory_limit|cpu_limit
local t = {}
while true do t[#t + 1] = os.date(("%c"):rep(100000)) .. #t end
