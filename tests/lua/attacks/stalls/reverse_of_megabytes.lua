-- expect: limit cpu_limit
local text = ("a"):rep(8 << 20)
while true do text:reverse() end
