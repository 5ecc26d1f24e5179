-- expect: error ~ "__gc"
local events = { __gc = false }
setmetatable({}, events)
