-- expect: limit cpu_limit
local text = ("é"):rep(100000)
while true do utf8.codepoint(text, 1, -1) end
