-- expect: limit cpu_limit
local text = ("é"):rep(4 << 20)
while true do utf8.len(text) end
