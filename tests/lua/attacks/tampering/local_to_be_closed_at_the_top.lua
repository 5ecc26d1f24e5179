-- expect: value "closed"
Closed = "open"
local held <close> = setmetatable({}, { __close = function() Closed = "closed" end })
-- next cell
return Closed
