-- expect: limit cpu_limit; state kept
local held <close> = setmetatable({}, { __close = function() while true do end end })
