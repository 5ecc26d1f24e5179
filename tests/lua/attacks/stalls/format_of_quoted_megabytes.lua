-- expect: limit cpu_limit
local text = ("\n"):rep(4 << 20)
while true do ("%q"):format(text) end
