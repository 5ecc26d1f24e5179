-- expect: limit cpu_limit
local text = ("é"):rep(4 << 20)
while true do utf8.offset(text, -1, 1) utf8.offset(text, 4 << 20) end
