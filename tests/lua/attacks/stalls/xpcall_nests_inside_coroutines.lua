-- expect: limit cpu_limit; state kept
local function f() return xpcall(f, f) end
while true do coroutine.wrap(function() xpcall(f, f) end)() end
