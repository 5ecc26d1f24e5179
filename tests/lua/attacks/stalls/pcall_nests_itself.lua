-- expect: limit cpu_limit; state kept
local function f() return pcall(f) end
while true do f() end
