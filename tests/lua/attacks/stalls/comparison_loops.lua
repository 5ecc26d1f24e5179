-- expect: limit cpu_limit; state kept
local events = { __lt = function() while true do end end }
return setmetatable({}, events) < setmetatable({}, events)
