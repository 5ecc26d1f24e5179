-- expect: error ~ "stack overflow"; state kept
local events = {}
function events.__concat(a) return a .. "x" end
return setmetatable({}, events) .. "x"
