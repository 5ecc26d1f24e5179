-- expect: limit cpu_limit
local text = (" "):rep(8 << 20) .. "z"
while true do tonumber(text) end
