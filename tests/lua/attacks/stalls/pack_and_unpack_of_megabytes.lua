-- expect: limit cpu_limit|memory_limit
local text = ("a"):rep(4 << 20)
while true do string.unpack("s8", string.pack("s8", text)) end
