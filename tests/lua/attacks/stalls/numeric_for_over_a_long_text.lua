-- expect: limit cpu_limit
local text = (" "):rep(4 << 20) .. "1"
while true do pcall(function() for _ = 1, text do end end) end
