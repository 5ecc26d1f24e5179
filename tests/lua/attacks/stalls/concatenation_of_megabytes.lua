-- expect: limit cpu_limit|memory_limit
local text = ("a"):rep(4 << 20)
while true do local _ = text .. "b" end
