-- expect: limit cpu_limit
local text = ("1"):rep(8 << 20)
while true do tonumber(text, 10) end
