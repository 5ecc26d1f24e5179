-- expect: limit cpu_limit
local text = ("a"):rep(200000)
while true do string.char(text:byte(1, -1)) end
