-- expect: limit cpu_limit; state kept
local function f() return xpcall(f, f) end
while true do f() end
