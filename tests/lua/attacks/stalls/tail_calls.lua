-- expect: limit cpu_limit; state kept
local function f() return f() end
f()
