-- expect: error ~ "stack overflow"; state kept
local t = setmetatable({}, { __index = function(self, key) return self[key .. "x"] end })
return t.x
