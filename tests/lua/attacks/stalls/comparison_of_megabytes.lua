-- expect: limit cpu_limit
local a = ("a"):rep(4 << 20)
local b = a .. "b"
while true do local _ = a < b end
